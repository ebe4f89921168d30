#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "reconcile/reconcile.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// The one listing of what a target has, made while the run is reading: tells the diff what is there, and what is stale
/// at the end. A thread of its own, since a listing waits for page after page.
class OwnedListing {
 public:
  /// Called on the listing's thread with each entity. Must not throw; an error ends the listing.
  using Visit = std::function<pipeline::Result<void>(const OwnedEntity&)>;
  /// Called on the listing's thread when it is over. Must not throw.
  using Done = std::function<void(const pipeline::Result<void>&)>;

  /// `catalogue` is borrowed, and used by the listing alone until it is done. Names are kept up to `name_bytes`.
  OwnedListing(Catalogue& catalogue, std::size_t name_bytes, Visit visit, Done done);
  ~OwnedListing();
  OwnedListing(const OwnedListing&) = delete;
  OwnedListing& operator=(const OwnedListing&) = delete;

  /// Waits for the end.
  void join();

  // After the end.
  [[nodiscard]] const pipeline::Result<void>& result() const noexcept { return result_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// False if there were more names than might be kept: then the target must be asked again.
  [[nodiscard]] bool has_names() const noexcept { return has_names_; }
  void each(const std::function<void(const OwnedEntity&)>& visit) const;

 private:
  struct Name {
    std::uint32_t blueprint;  ///< Into blueprints_.
    std::uint32_t length;     ///< Of the identifier, in bytes_ behind those before it.
  };
  void list(Catalogue& catalogue, const Visit& visit);
  void keep(const OwnedEntity& entity);

  const std::size_t name_bytes_;
  pipeline::Result<void> result_;
  std::uint64_t count_ = 0;
  bool has_names_ = true;
  std::vector<std::string> blueprints_;
  std::unordered_map<std::string, std::uint32_t> blueprint_numbers_;
  std::vector<Name> names_;
  std::string bytes_;
  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace riptide::stages
