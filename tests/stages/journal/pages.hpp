#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "journal/coverage.hpp"

namespace riptide::stages {

inline ScopeRef scope_of(std::string partition, std::vector<std::uint32_t> resources = {0}) {
  ScopeSpec spec;
  spec.resources = std::move(resources);
  spec.partition = std::move(partition);
  return std::make_shared<const ScopeSpec>(std::move(spec));
}

inline Request request_at(ScopeRef scope, std::uint64_t offset, std::string cursor = {}) {
  Request request;
  request.scope = std::move(scope);
  request.offset = offset;
  request.cursor = std::move(cursor);
  return request;
}

/// Page `page` of a listing of `pages` pages with 50 records each, whose edges are numbered by page.
inline ReadPageFacts page_of(const ScopeRef& scope, std::uint64_t page, std::uint64_t pages,
                             std::uint32_t listing = 0) {
  ReadPageFacts facts;
  facts.scope = 7;
  facts.request = request_at(scope, page * 50);
  facts.head = request_at(scope, 0);
  facts.place = {true, page, 50, pages - 1, pages * 50, listing};
  facts.edges = PageEdges{page * 2, page * 2 + 1};
  facts.records = 50;
  facts.bytes = 1000;
  return facts;
}

/// A page of a chain: `cursor` was asked for, `next` follows ("": nothing).
inline ReadPageFacts link_of(const ScopeRef& scope, const std::string& cursor, const std::string& next) {
  ReadPageFacts facts;
  facts.scope = 9;
  facts.request = request_at(scope, 0, cursor);
  facts.head = request_at(scope, 0);
  if (!next.empty()) facts.next = {request_at(scope, 0, next)};
  return facts;
}

}  // namespace riptide::stages
