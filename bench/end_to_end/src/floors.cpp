#include "riptide/bench/floors.hpp"

#include <curl/curl.h>
#include <sys/resource.h>
#include <xxhash.h>

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/seen_set.hpp"

namespace riptide::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchBytes = 1 << 20;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// One easy handle with its buffer, used again and again.
struct Transfer {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::shared_ptr<pipeline::PageBuffer> body = std::make_shared<pipeline::PageBuffer>();
  stages::Request request;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  static_cast<Transfer*>(user)->body->append({data, size * count});
  return size * count;
}

/// A curl multi driven by hand. `visit(request, response)` returns the requests that follow.
template <class Visit>
void loop(const FloorOptions& options, FloorResult& result, Visit visit) {
  std::vector<stages::SourceResource> resources;
  for (const auto& resource : options.mapping->spec().resources) {
    resources.push_back({static_cast<std::uint32_t>(resources.size()), resource.kind, resource.selector_fields});
  }
  auto started = options.source->start(resources);
  if (!started) {
    result.error = started.error().message;
    return;
  }
  std::deque<stages::Request> waiting(std::make_move_iterator(started->begin()),
                                      std::make_move_iterator(started->end()));
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.in_flight));
  std::deque<Transfer> transfers(options.in_flight);
  std::vector<Transfer*> idle;
  for (Transfer& transfer : transfers) {
    transfer.easy = curl_easy_init();
    curl_easy_setopt(transfer.easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(transfer.easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(transfer.easy, CURLOPT_BUFFERSIZE, 64L << 10);
    curl_easy_setopt(transfer.easy, CURLOPT_NOSIGNAL, 1L);
    idle.push_back(&transfer);
  }
  const stages::Auth* auth = options.source->auth();
  std::size_t running = 0;
  while ((!waiting.empty() || running != 0) && result.error.empty()) {
    while (!waiting.empty() && !idle.empty()) {
      Transfer& transfer = *idle.back();
      idle.pop_back();
      transfer.request = std::move(waiting.front());
      waiting.pop_front();
      transfer.body->clear();
      const stages::HttpRequest http = options.source->render(transfer.request);
      curl_easy_setopt(transfer.easy, CURLOPT_URL, http.url.c_str());
      if (transfer.headers == nullptr) {
        for (const stages::Header& header : http.headers)
          transfer.headers = curl_slist_append(transfer.headers, (header.name + ": " + header.value).c_str());
        if (auth != nullptr) {
          if (const auto credentials = auth->fixed(); credentials) {
            for (const stages::Header& header : credentials->headers)
              transfer.headers = curl_slist_append(transfer.headers, (header.name + ": " + header.value).c_str());
          }
        }
        curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, transfer.headers);
      }
      curl_multi_add_handle(multi, transfer.easy);
      ++running;
    }
    int alive = 0;
    curl_multi_perform(multi, &alive);
    int left = 0;
    bool finished = false;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      finished = true;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi, message->easy_handle);
      --running;
      long status = 0;
      curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
      if (code != CURLE_OK || status != 200) {
        result.error = code != CURLE_OK ? curl_easy_strerror(code) : "HTTP " + std::to_string(status);
        break;
      }
      ++result.pages;
      result.bytes += transfer->body->size();
      stages::HttpResponse response;
      response.status = 200;
      response.body = transfer->body;
      for (stages::Request& next : visit(transfer->request, response)) waiting.push_back(std::move(next));
      idle.push_back(transfer);
    }
    if (!finished && running != 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (Transfer& transfer : transfers) {
    curl_multi_remove_handle(multi, transfer.easy);
    curl_easy_cleanup(transfer.easy);
    curl_slist_free_all(transfer.headers);
  }
  curl_multi_cleanup(multi);
}

/// All requests that follow a page: those it names, and at a scope's first page the rest of its extent.
std::vector<stages::Request> follow(const stages::Request& request, stages::PageStep& step) {
  std::vector<stages::Request> next = std::move(step.next);
  if (request.offset != 0 || !step.extent || step.extent->step == 0) return next;
  for (std::uint64_t offset = step.extent->step; offset <= step.extent->last_offset; offset += step.extent->step) {
    stages::Request page = request;
    page.offset = offset;
    next.push_back(std::move(page));
  }
  return next;
}

template <class Body>
FloorResult timed(Body body) {
  FloorResult result;
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  body(result);
  result.wall_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  result.cpu_seconds = cpu_seconds() - cpu;
  return result;
}

}  // namespace

FloorResult bare_fetch_floor(const FloorOptions& options) {
  return timed([&](FloorResult& result) {
    json::Document document;
    loop(options, result, [&](const stages::Request& request, const stages::HttpResponse& response) {
      if (request.offset != 0) return std::vector<stages::Request>();
      auto step = options.source->read(request, response, document);
      if (!step) {
        result.error = step.error().message;
        return std::vector<stages::Request>();
      }
      return follow(request, *step);
    });
  });
}

FloorResult single_thread_floor(const FloorOptions& options) {
  return timed([&](FloorResult& result) {
    json::Document document;
    transform::Mapper mapper(options.mapping);
    pipeline::SeenSet seen;
    std::string batch;
    batch.reserve(kBatchBytes);
    transform::MappedPage mapped;
    loop(options, result, [&](const stages::Request& request, const stages::HttpResponse& response) {
      auto step = options.source->read(request, response, document);
      if (!step) {
        result.error = step.error().message;
        return std::vector<stages::Request>();
      }
      result.records += step->records.spans.size();
      for (const std::uint32_t resource : request.scope->resources) {
        mapped.entities.bytes.clear();
        mapped.entities.entities.clear();
        mapped.faults.clear();
        mapped.misconfigured.clear();
        mapped.counts.clear();
        mapper.map(resource, response.body, step->records, mapped);
        for (const pipeline::Entity& entity : mapped.entities.entities) {
          const std::string_view json = mapped.entities.json(entity);
          const auto contents = static_cast<std::uint32_t>(XXH3_64bits(json.data(), json.size()));
          const auto sighting = seen.note(entity.identity, resource, contents);
          using enum pipeline::SeenSet::Sighting;
          if (sighting == kNew || sighting == kElsewhere) ++result.entities;
          if (batch.size() + json.size() > kBatchBytes) batch.clear();
          batch += json;
        }
      }
      return follow(request, *step);
    });
  });
}

}  // namespace riptide::bench
