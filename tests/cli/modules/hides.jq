def first: keys;
