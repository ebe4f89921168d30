#include "asker.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "packed_fields.hpp"

namespace riptide::sources::custom {
namespace {

/// A value within a path: what cannot stand in a URL is encoded, slashes stay.
std::string in_path(std::string_view value) {
  std::string out;
  std::size_t begin = 0;
  while (true) {
    const auto slash = value.find('/', begin);
    std::string_view part = value.substr(begin, slash == std::string_view::npos ? slash : slash - begin);
    // What is encoded already stays as it is.
    while (!part.empty()) {
      const auto percent = part.find('%');
      out += stages::percent_encoded(part.substr(0, percent));
      if (percent == std::string_view::npos) break;
      const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
      const bool encoded = percent + 2 < part.size() && is_hex(part[percent + 1]) && is_hex(part[percent + 2]);
      out += encoded ? "%" : "%25";
      part.remove_prefix(percent + 1);
    }
    if (slash == std::string_view::npos) return out;
    out += '/';
    begin = slash + 1;
  }
}

/// Puts the values into the placeholders of a path.
std::string resolved(std::string_view path, const std::vector<PathParameter>& parameters,
                     const std::vector<std::string_view>& values) {
  std::string out(path);
  for (std::size_t i = 0; i < std::min(parameters.size(), values.size()); ++i) {
    const std::string placeholder = "{" + parameters[i].name + "}";
    const std::string value = in_path(values[i]);
    for (auto at = out.find(placeholder); at != std::string::npos; at = out.find(placeholder, at + value.size())) {
      out.replace(at, placeholder.size(), value);
    }
  }
  return out;
}

/// Values in one text that says which they are.
std::string joined(const std::vector<std::string_view>& values) {
  std::string text;
  for (const std::string_view value : values) {
    if (!text.empty()) text += '/';
    text += stages::percent_encoded(value);
  }
  return text;
}

bool may_share(const Asker& a, const Asker& b) {
  const auto begins_partition = [](const Asker& asker) { return asker.at_its_end() && !asker.values.empty(); };
  return !begins_partition(a) && !begins_partition(b) && same_but_for_path(a.listing(), b.listing()) &&
         a.path() == b.path();
}

/// The name of a listing that only values are taken from: unlike that of any other, whoever it is for.
std::string listing_name(const Asker& asker, const std::vector<std::uint32_t>& dependents) {
  std::string with;
  if (placeholders(asker.listing().path).size() < asker.values.size()) with = " with " + joined(asker.values);
  return fmt::format("{{{}}} of {} in {}{} (blocks {})", asker.parameter().name, asker.endpoint->kind, asker.path(),
                     with, fmt::join(dependents, ", "));
}

}  // namespace

std::string Asker::path() const { return resolved(listing().path, endpoint->parameters, values); }

void Askers::add(Asker asker) {
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const std::vector<Asker>& group) { return may_share(group.front(), asker); });
  if (found == groups_.end()) {
    groups_.push_back({std::move(asker)});
    return;
  }
  if (!asker.at_its_end()) {
    found->push_back(std::move(asker));
  } else if (found->front().at_its_end()) {
    // Endpoints without placeholders that differ in nothing that matters.
    auto& resources = found->front().resources;
    resources.insert(resources.end(), asker.resources.begin(), asker.resources.end());
    std::sort(resources.begin(), resources.end());
  } else {
    found->insert(found->begin(), std::move(asker));
  }
}

stages::Request request_for(std::span<const Asker> askers) {
  const Asker& first = askers.front();
  auto scope = std::make_shared<stages::ScopeSpec>();
  auto context = std::make_shared<std::string>();
  for (const Asker& asker : askers) {
    auto& concerned = asker.at_its_end() ? scope->resources : scope->dependents;
    concerned.insert(concerned.end(), asker.resources.begin(), asker.resources.end());
    std::string fields;
    append_packed(packed_indexes(asker.resources), fields);
    append_packed(asker.definition, fields);
    for (const std::string_view value : asker.values) append_packed(value, fields);
    append_packed(fields, *context);
  }
  std::sort(scope->dependents.begin(), scope->dependents.end());
  if (!first.at_its_end()) {
    scope->partition = listing_name(first, scope->dependents);
  } else if (first.values.size() == 1) {
    scope->partition = first.values.front();
  } else if (first.values.size() > 1) {
    scope->partition = joined(first.values);
  }
  stages::Request request;
  request.scope = std::move(scope);
  request.step = static_cast<std::uint32_t>(first.values.size());
  request.context = std::move(context);
  return request;
}

std::vector<Asker> unpacked_askers(const stages::Request& request) {
  std::vector<Asker> askers;
  if (request.context == nullptr) return askers;
  for (const std::string_view one : unpacked(*request.context)) {
    const std::vector<std::string_view> fields = unpacked(one);
    if (fields.size() < 2) return {};
    Asker& asker = askers.emplace_back();
    asker.resources = unpacked_indexes(fields[0]);
    asker.definition = fields[1];
    asker.values.assign(fields.begin() + 2, fields.end());
  }
  return askers;
}

}  // namespace riptide::sources::custom
