import "circle" as circle;
def f: circle::f;
