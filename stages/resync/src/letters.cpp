#include "letters.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/stages/dead_letters.hpp"

namespace riptide::stages {
namespace {

DeadLetter letter_of(const RunState& state, std::uint32_t resource, const std::string& scope) {
  DeadLetter letter;
  letter.kind = state.kind_of(resource);
  letter.resource = resource;
  letter.scope = scope;
  letter.run_id = state.context.run_id;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  letter.at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
  return letter;
}

// Where a page came from, without the user of a URL. Who signs a request adds to it later.
std::string url_of(const RunState& state, std::uint32_t ticket) {
  if (ticket == 0 || state.tickets == nullptr || state.source == nullptr) return {};
  std::string url = state.source->render(state.tickets->request_of(ticket)).url;
  const std::size_t host = url.find("://");
  if (host == std::string::npos) return url;
  const std::size_t end = url.find_first_of("/?#", host + 3);
  const std::size_t at = url.substr(0, end).rfind('@');
  if (at != std::string::npos && at > host) url.erase(host + 3, at + 1 - (host + 3));
  return url;
}

}  // namespace

void write_record_letters(RunState& state, const ReadPage& read, const transform::MappedPage& mapped,
                          const std::string& scope) {
  const transform::MappingFault* first = nullptr;
  std::size_t more = 0;
  const auto write = [&] {
    if (first == nullptr) return;
    DeadLetter letter = letter_of(state, first->resource, scope);
    letter.stage = "transform";
    letter.reason = first->message;
    if (more != 0) letter.reason += fmt::format(" (and {} more of the same record)", more);
    letter.url = url_of(state, read.ticket);
    const auto& span = read.records.spans[first->record];
    const pipeline::RecordView view = pipeline::view_of(read.page, read.records, span);
    std::vector<std::pair<std::string, std::string>> over;
    for (const pipeline::OverlayField& field : view.overlay) {
      over.emplace_back(field.key, view.overlay_value(field));
    }
    letter.bytes = whole_record(view.json, over);
    state.letters->add(std::move(letter));
  };
  // Faults of a record stand together.
  for (const transform::MappingFault& fault : mapped.faults) {
    if (first != nullptr && first->record == fault.record && first->resource == fault.resource) {
      ++more;
      continue;
    }
    write();
    first = fault.record < read.records.spans.size() ? &fault : nullptr;
    more = 0;
  }
  write();
}

void write_entity_letter(RunState& state, std::string_view sink, const std::string& scope, const Answer& answer,
                         const Entity& entity, const Outcome& outcome) {
  const Batch& batch = *answer.batch;
  DeadLetter letter = letter_of(state, entity.resource, scope);
  letter.stage = "upload";
  letter.sink = sink;
  letter.blueprint = json::text_of(batch.part(entity, entity.blueprint));
  letter.identifier = json::text_of(batch.part(entity, entity.identifier));
  letter.reason = outcome.message;
  letter.url = url_of(state, entity.page);
  if (const auto* response = std::get_if<Result<HttpResponse>>(&answer.what); response != nullptr && *response) {
    for (const char* const name : {"x-request-id", "x-trace-id"}) {
      if (const auto value = (*response)->header(name)) {
        letter.request_id = *value;
        break;
      }
    }
  }
  letter.bytes = batch.json(entity);
  letter.identity = entity.identity;
  state.letters->add(std::move(letter));
}

}  // namespace riptide::stages
