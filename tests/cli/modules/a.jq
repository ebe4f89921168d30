def a: "a";
