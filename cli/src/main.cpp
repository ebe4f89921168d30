#include "riptide/cli/verbs.hpp"

int main(int argc, char** argv) { return riptide::cli::run_program({argv, argv + argc}); }
