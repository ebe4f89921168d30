#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.hpp"
#include "record_template.hpp"
#include "riptide/simulator/octopus_options.hpp"

namespace riptide::simulator {

/// Everything that exists on the made-up server: which records there are, in which order, and what they say. Not
/// thread-safe: its owner holds a lock.
///
/// A record is 12 bytes here; its text is made when it is asked for.
class OctopusWorld {
 public:
  explicit OctopusWorld(const OctopusOptions& options);

  /// A place where records are listed: a kind in a space, or the spaces.
  struct Place {
    std::size_t space;  ///< Index; of no meaning for the spaces.
    std::size_t kind;   ///< Index; kSpaces for the spaces.
    friend bool operator==(const Place&, const Place&) = default;
  };
  static constexpr std::size_t kSpaces = SIZE_MAX;

  /// By id, e.g. "Spaces-3"; nothing when there is no such space.
  [[nodiscard]] std::optional<std::size_t> find_space(std::string_view id) const;
  /// The first space there is.
  [[nodiscard]] std::optional<std::size_t> default_space() const;
  /// By route, e.g. "projects".
  [[nodiscard]] std::optional<std::size_t> find_route(std::string_view route) const;
  /// By names as the public interface has them; kind "space" needs no space.
  [[nodiscard]] std::optional<Place> find_place(std::string_view space, std::string_view kind) const;
  [[nodiscard]] std::vector<Place> places() const;

  [[nodiscard]] std::size_t size(Place place) const;
  [[nodiscard]] std::string item_type(Place place) const;
  [[nodiscard]] std::string path(Place place) const;  ///< "/api/Spaces-3/projects"
  [[nodiscard]] std::string id(Place place, std::size_t index) const;
  [[nodiscard]] std::optional<std::size_t> find(Place place, std::string_view id) const;
  [[nodiscard]] std::size_t total(std::string_view kind) const;
  /// Changes with every mutation.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  /// Appends `count` records from `first` on, in the order of the listing, separated by commas.
  void render(Place place, std::size_t first, std::size_t count, ByteBuffer& out) const;

  std::string create(Place place);
  void remove(Place place, std::size_t index);
  void update(Place place, std::size_t index);

 private:
  struct Record {
    std::uint32_t number;   ///< Of the id.
    std::uint32_t ordinal;  ///< In its listing, by age; part of the name.
    std::uint16_t revision;
    std::uint16_t word;  ///< The name's, an index of kWords.
  };
  struct Listing {
    std::vector<Record> records;  ///< By name, or the oldest first.
    std::uint32_t next_ordinal = 0;
  };
  struct Space {
    bool exists = true;
    std::vector<Listing> listings;  ///< One a kind.
    std::vector<std::uint32_t> first_number;
    std::vector<std::uint32_t> first_count;  ///< At the start: what other records refer to.
  };
  struct Kind {
    std::string name;
    std::string route;
    std::string type;
    ListOrder order;
    std::uint32_t next_number = 1;
    std::vector<RecordTemplate> templates;
  };

  [[nodiscard]] const Kind& kind_of(Place place) const;
  [[nodiscard]] const Listing& listing(Place place) const;
  [[nodiscard]] Listing& listing(Place place);
  [[nodiscard]] const Record& at(Place place, std::size_t index) const;
  [[nodiscard]] std::size_t stored_index(Place place, std::size_t index) const;
  void add_templates(Kind& kind, std::size_t record_bytes) const;
  Space& add_space();

  std::uint64_t seed_;
  Kind space_kind_;
  Listing spaces_listing_;
  std::vector<Kind> kinds_;
  std::vector<Space> spaces_;  ///< Index: number of the id - 1. Removed ones stay, marked.
  std::optional<std::size_t> project_kind_;
  std::optional<std::size_t> release_kind_;
  std::uint64_t version_ = 0;
};

}  // namespace riptide::simulator
