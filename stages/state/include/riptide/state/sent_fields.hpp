#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::state {

/// What is kept of the contents of an entity that the target confirmed: enough to tell later which of its fields
/// somebody has changed there, not what they were. Borrowed.
struct SentFields {
  std::string_view identifier;  ///< Text, as the target knows it.
  /// Blueprint and the names of the fields, each ended by a NUL. Entities that one expression set makes share it: it is
  /// kept once.
  std::string_view shape;
  std::span<const std::uint32_t> digests;  ///< One for each field.
};

/// What was kept of entities, for looking it up. 16 bytes of memory an entity; the rest stays on disk. One thread.
class SentFieldsReader {
 public:
  /// Reads where everything lies. Errors: as of `Database`, kMalformed.
  [[nodiscard]] static pipeline::Result<std::unique_ptr<SentFieldsReader>> open(const StateFile& file);

  struct Found {
    std::string blueprint;
    std::string identifier;
    const std::vector<std::string>* names = nullptr;  ///< Lives as long as the reader.
    std::vector<std::uint32_t> digests;               ///< As many.
  };
  /// What was kept last of an entity, by its identity as the mapping made it; nothing of one that was sent before
  /// anything was kept.
  [[nodiscard]] pipeline::Result<std::optional<Found>> find(const pipeline::Digest& identity);

 private:
  struct Place {
    std::uint64_t key = 0;    ///< Of the identity.
    std::uint64_t place = 0;  ///< Number of the row << 16 + offset in it.
  };
  struct Shape {
    std::string blueprint;
    std::vector<std::string> names;
  };
  SentFieldsReader() = default;
  [[nodiscard]] pipeline::Result<void> load_shapes();
  [[nodiscard]] pipeline::Result<void> load_places();

  std::unique_ptr<Database> database_;
  std::vector<Shape> shapes_;  ///< By number; 0 is none.
  std::vector<Place> places_;  ///< By key.
  std::optional<Statement> select_;
  std::int64_t fetched_ = 0;  ///< Row that select_ stands on; 0: none.
};

}  // namespace riptide::state
