#include "reconcile/stale_list.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::Result;

void append_text(std::string_view text, std::string& out) {
  const auto length = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out += text;
}

std::string take_text(std::string_view& bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  std::string text(bytes.substr(sizeof length, length));
  bytes.remove_prefix(sizeof length + length);
  return text;
}

std::string packed(const OwnedEntity& entity) {
  std::string record;
  append_text(entity.blueprint, record);
  append_text(entity.identifier, record);
  append_text(entity.kind, record);
  record += entity.partition ? '1' : '0';
  if (entity.partition) append_text(*entity.partition, record);
  for (const std::string& related : entity.related) append_text(related, record);
  return record;
}

OwnedEntity unpacked(std::string_view record) {
  OwnedEntity entity;
  entity.blueprint = take_text(record);
  entity.identifier = take_text(record);
  entity.kind = take_text(record);
  const bool has_partition = record.front() == '1';
  record.remove_prefix(1);
  if (has_partition) entity.partition = take_text(record);
  while (!record.empty()) entity.related.push_back(take_text(record));
  return entity;
}

}  // namespace

void StaleList::add(const OwnedEntity& entity) {
  if (in_memory() && size_ < kInMemory) {
    memory_.push_back(entity);
    ++size_;
    return;
  }
  for (const OwnedEntity& earlier : memory_) spool_.append(packed(earlier));
  memory_ = {};
  spool_.append(packed(entity));
  ++size_;
}

Result<void> StaleList::each_part(std::size_t most,
                                  const std::function<Result<void>(std::vector<OwnedEntity>&)>& visit) {
  std::vector<OwnedEntity> part;
  if (in_memory()) {
    for (std::size_t at = 0; at < memory_.size(); at += most) {
      const auto begin = memory_.begin() + static_cast<std::ptrdiff_t>(at);
      part.assign(begin, begin + static_cast<std::ptrdiff_t>(std::min(most, memory_.size() - at)));
      if (auto done = visit(part); !done) return done;
    }
    return {};
  }
  if (auto written = spool_.flush(); !written) return written;
  Result<void> done;
  const auto visit_part = [&] {
    done = visit(part);
    part.clear();
    return done.has_value();
  };
  auto read = spool_.each([&](std::string_view record) {
    part.push_back(unpacked(record));
    return part.size() < most || visit_part();
  });
  if (!read) return read;
  if (done && !part.empty()) visit_part();
  return done;
}

}  // namespace riptide::stages
