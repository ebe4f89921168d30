def f: outside;
def g: 1;
