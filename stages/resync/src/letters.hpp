#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages.hpp"
#include "riptide/transform/mapping.hpp"
#include "run_state.hpp"

namespace riptide::stages {

// Puts what a run gives up into the dead letters (`RunState::letters`, which must be there).

/// Records of a page that the mapping made nothing of, though they were not filtered: one letter a record and resource.
void write_record_letters(RunState& state, const ReadPage& read, const transform::MappedPage& mapped,
                          const std::string& scope);

/// An entity that a sink refused. While its page still has its ticket.
void write_entity_letter(RunState& state, std::string_view sink, const std::string& scope, const Answer& answer,
                         const Entity& entity, const Outcome& outcome);

}  // namespace riptide::stages
