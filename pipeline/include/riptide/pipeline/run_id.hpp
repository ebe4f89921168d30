#pragma once

#include <string>

namespace riptide::pipeline {

/// A name for this run: a UUID of version 4, since Port files the run under it.
std::string new_run_id();

}  // namespace riptide::pipeline
