#include "riptide/sources/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

namespace riptide::sources {
namespace {

constexpr std::string_view kWords = "the quick brown fox jumps over the lazy dog and runs on to the river ";

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

GenerateSource::GenerateSource(Options options) : options_(std::move(options)) {
  options_.partitions = std::max<std::uint64_t>(1, options_.partitions);
  options_.page_records = std::max<std::size_t>(1, options_.page_records);
  if (!options_.pause) options_.pause = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  std::string empty;
  append_record(options_.records, empty);
  while (empty.size() + filler_.size() < options_.record_bytes) {
    filler_ += kWords.substr(0, options_.record_bytes - empty.size() - filler_.size());
  }
}

Result<std::vector<PageRequest>> GenerateSource::start(const std::string& kind) {
  if (kind != options_.kind) {
    return pipeline::unexpected(
        ErrorKind::kConfig, fmt::format("generate makes records of the kind '{}', not of '{}'", options_.kind, kind));
  }
  std::vector<PageRequest> requests;
  for (std::uint64_t i = 0; i < options_.partitions; ++i) requests.push_back({fmt::format("part-{}", i + 1), ""});
  return requests;
}

Result<LocalPage> GenerateSource::read_page(const std::string& /*kind*/, const PageRequest& request) {
  if (options_.latency.count() > 0) options_.pause(options_.latency);
  const std::uint64_t part = number_of(std::string_view(request.partition).substr(5)) - 1;
  const std::uint64_t begin = options_.records * part / options_.partitions;
  const std::uint64_t end = options_.records * (part + 1) / options_.partitions;
  const std::uint64_t from = request.cursor.empty() ? begin : number_of(request.cursor);
  const std::uint64_t to = std::min<std::uint64_t>(end, from + options_.page_records);
  LocalPage page;
  page.records.reserve((options_.record_bytes + 64) * (to - from));
  for (std::uint64_t number = from; number < to; ++number) append_record(number + 1, page.records);
  if (to < end) page.next = std::to_string(to);
  return page;
}

void GenerateSource::append_record(std::uint64_t number, std::string& out) const {
  fmt::format_to(
      std::back_inserter(out),
      R"({{"id":"{0}-{1}","number":{1},"name":"Record {1}","group":"group-{2}","active":{3},"score":0.{4:02},)"
      R"("tags":["tag-{5}","tag-{6}"],"owner":{{"name":"Owner {7}","email":"owner-{7}@example.com"}},)"
      R"("text":"{8}"}})"
      "\n",
      options_.kind, number, number % 10, number % 7 == 0 ? "false" : "true", number % 100, number % 5, number % 11,
      number % 97, filler_);
}

}  // namespace riptide::sources
