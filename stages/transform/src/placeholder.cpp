#include "riptide/transform/mapping.hpp"
