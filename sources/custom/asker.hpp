#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "definition.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::custom {

/// An endpoint on its way, at one of the listings that it needs: with values for all its placeholders at its own,
/// before that at the one that the next placeholder's values come from. What a request carries are its askers. Views
/// into the request's context, or into what the maker holds.
struct Asker {
  std::vector<std::uint32_t> resources;  ///< Blocks of the mapping that say just this.
  std::string_view definition;
  std::vector<std::string_view> values;  ///< Of the placeholders so far.
  std::shared_ptr<const Endpoint> endpoint;

  [[nodiscard]] bool at_its_end() const noexcept { return values.size() == endpoint->parameters.size(); }
  /// The placeholder that is looked for; not at its end.
  [[nodiscard]] const PathParameter& parameter() const { return endpoint->parameters.at(values.size()); }
  [[nodiscard]] const Listing& listing() const { return at_its_end() ? endpoint->listing : parameter().listing; }
  /// The listing's path with the values in it.
  [[nodiscard]] std::string path() const;
};

/// Askers sorted by what they ask for: those that ask the same share a request. Only what is asked for together can be
/// shared, and what names a scope with records and values is not: a value that is met again could not join it then.
class Askers {
 public:
  void add(Asker asker);
  [[nodiscard]] const std::vector<std::vector<Asker>>& groups() const noexcept { return groups_; }

 private:
  std::vector<std::vector<Asker>> groups_;
};

/// The request with which the listing of these askers begins. Records belong to the first if that is at its end; the
/// others hang on what they name.
[[nodiscard]] stages::Request request_for(std::span<const Asker> askers);

/// What a request's context says of its askers; their endpoints are null. Empty for what `request_for` did not make.
[[nodiscard]] std::vector<Asker> unpacked_askers(const stages::Request& request);

}  // namespace riptide::sources::custom
