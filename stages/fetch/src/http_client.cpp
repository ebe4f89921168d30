#include "riptide/stages/http_client.hpp"
