#include "riptide/standard_stages.hpp"

#include <fmt/format.h>

#include <cctype>

#include "riptide/json/document.hpp"

namespace riptide {

std::function<Result<bool>(const Item&)> where(std::shared_ptr<const stages::JqProgram> program) {
  return [program = std::move(program)](const Item& item) { return program->holds(item.json()); };
}

std::function<Result<bool>(const Item&)> first_of_each(std::shared_ptr<stages::Dedupe> dedupe) {
  return [dedupe = std::move(dedupe)](const Item& item) { return dedupe->is_first(item.json()); };
}

std::function<Result<bool>(const Item&)> some(std::shared_ptr<stages::Sampler> sampler) {
  return [sampler = std::move(sampler)](const Item& item) -> Result<bool> { return sampler->picks(item.json()); };
}

std::function<Result<void>(Item&)> redact(std::shared_ptr<const stages::Redaction> redaction) {
  return [redaction = std::move(redaction)](Item& item) -> Result<void> {
    auto hidden = redaction->apply(item.json());
    if (!hidden) return pipeline::unexpected(std::move(hidden).error());
    if (*hidden == item.json()) return {};
    return item.replace(std::move(*hidden));
  };
}

std::function<Result<void>(const Item&, Emit&)> enrich(Enrichment enrichment) {
  return [enrichment = std::move(enrichment)](const Item& item, Emit& emit) -> Result<void> {
    auto key = enrichment.key->first(item.json());
    if (!key) return pipeline::unexpected(std::move(key).error());
    const std::string text = *key ? json::text_of(**key) : std::string();
    const std::string_view row = *key ? enrichment.table->find(text) : std::string_view();
    if (row.empty()) {
      if (enrichment.missing == Enrichment::Missing::kDrop) return {};
      if (enrichment.missing == Enrichment::Missing::kFail) {
        return pipeline::unexpected(ErrorKind::kNotFound, fmt::format("the table has no row for '{}'", text));
      }
      emit(item);
      return {};
    }
    Item enriched = item;
    if (auto set = enriched.set(enrichment.into, row); !set) return set;
    emit(enriched);
    return {};
  };
}

std::function<Result<std::string>(const Item&)> first_match(
    std::vector<std::pair<std::string, std::shared_ptr<const stages::JqProgram>>> routes) {
  return [routes = std::move(routes)](const Item& item) -> Result<std::string> {
    for (const auto& [name, program] : routes) {
      auto holds = program->holds(item.json());
      if (!holds) return pipeline::unexpected(std::move(holds).error());
      if (*holds) return name;
    }
    return std::string();
  };
}

Result<std::string> pointer_of(std::string_view path) {
  const auto wrong = [&] {
    return pipeline::unexpected(ErrorKind::kConfig,
                                fmt::format("'{}' is no path of plain steps, e.g. `.properties.owner`", path));
  };
  std::string pointer;
  const auto step = [&pointer](std::string_view name) {
    pointer += '/';
    for (const char c : name)
      pointer += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  };
  std::string_view rest = path;
  while (!rest.empty()) {
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
    } else if (!rest.starts_with('[')) {
      return wrong();
    }
    if (rest.starts_with('[')) rest.remove_prefix(1);
    if (rest.starts_with('"')) {
      std::size_t end = 1;
      while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
      if (end >= rest.size()) return wrong();
      auto name = json::decoded(rest.substr(0, end + 1));
      if (!name) return wrong();
      step(*name);
      rest.remove_prefix(end + 1);
      if (rest.starts_with(']')) rest.remove_prefix(1);
      continue;
    }
    std::size_t end = 0;
    while (end < rest.size() && (std::isalnum(static_cast<unsigned char>(rest[end])) != 0 || rest[end] == '_')) ++end;
    if (end == 0) return wrong();
    step(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  if (pointer.empty()) return wrong();
  return pointer;
}

Result<void> WindowOfItems::add(std::string_view json, Emit& emit) {
  if (items_.empty()) begun_ = options_.now();
  items_.emplace_back(json);
  return items_.size() >= options_.count ? close(emit) : Result<void>();
}

Result<void> WindowOfItems::tick(Emit& emit) {
  if (items_.empty() || !options_.every || options_.now() - begun_ < *options_.every) return {};
  return close(emit);
}

Result<void> WindowOfItems::close(Emit& emit) {
  if (items_.empty()) return {};
  const std::vector<std::string> items = std::exchange(items_, {});
  Result<void> emitted;
  const auto give = [&](std::string_view json) {
    if (auto one = emit(json); !one && emitted) emitted = std::move(one);
  };
  if (options_.program == nullptr) {
    for (const std::string& item : items) give(item);
    return emitted;
  }
  std::string array = "[";
  for (const std::string& item : items) {
    if (array.size() > 1) array += ',';
    array += item;
  }
  array += ']';
  if (auto ran = options_.program->each(array, give); !ran) return ran;
  return emitted;
}

}  // namespace riptide
