import "circle_back" as back;
def f: back::f;
