#include "riptide/json/document.hpp"
