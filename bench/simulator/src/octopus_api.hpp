#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "api.hpp"
#include "byte_buffer.hpp"
#include "octopus_world.hpp"

namespace riptide::simulator {

/// Octopus's routes over a world: a target in, a status and a body out. Its owner holds the lock.
class OctopusApi final : public Api {
 public:
  OctopusApi(const OctopusWorld& world, const OctopusOptions& options);

  Answer answer(const HttpRequest& request, Encoding accepted, ByteBuffer& body) override;
  [[nodiscard]] std::string_view methods() const override { return "GET"; }
  [[nodiscard]] bool knows(const HttpRequest& request) const override;
  /// Appends `{"ErrorMessage": "..."}`.
  void write_error(std::string_view message, ByteBuffer& body) const override;

  /// Compresses the pages of all listings, `take` records each, until the cache is full.
  void compress_ahead(std::size_t take);

 private:
  struct Range {
    std::size_t skip;
    std::size_t take;
  };
  static constexpr std::size_t kEverything = SIZE_MAX;  ///< As `take`: the bare array of /all.

  Answer page(OctopusWorld::Place place, Range range, Encoding accepted, ByteBuffer& body);
  void write_page(OctopusWorld::Place place, Range range, ByteBuffer& body) const;

  const OctopusWorld& world_;
  std::size_t default_take_;
  std::size_t max_take_;
  bool gzip_;
  std::string api_key_;

  std::map<std::array<std::size_t, 4>, std::string> compressed_;  ///< By space, kind, skip, take; of one version.
  std::uint64_t compressed_version_ = 0;
  std::size_t compressed_bytes_ = 0;
  std::size_t max_compressed_bytes_;
};

}  // namespace riptide::simulator
