# A module sees the global variables and its own earlier definitions, and nothing of who imports it.
def named: $named;
def place: $__loc__;
def own: 1;
def twice: own + own;
def unused: outside;
