#include "local_reading.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "riptide/json/structurals.hpp"

namespace riptide {
namespace {

using stages::HttpRequest;
using stages::HttpResponse;
using stages::Request;

constexpr std::string_view kNext = "next";

/// Kind, partition and cursor, in the body of a request that goes no further than this process.
std::string packed(std::string_view kind, const PageRequest& page) {
  return fmt::format("{}\n{}\n{}{}{}", kind.size(), page.partition.size(), kind, page.partition, page.cursor);
}

std::pair<std::string, PageRequest> unpacked(std::string_view body) {
  const auto number = [&body] {
    const std::size_t end = body.find('\n');
    const auto value = json::to_uint64(body.substr(0, end)).value_or(0);
    body.remove_prefix(end + 1);
    return static_cast<std::size_t>(value);
  };
  const std::size_t kind = number();
  const std::size_t partition = number();
  return {std::string(body.substr(0, kind)),
          {std::string(body.substr(kind, partition)), std::string(body.substr(kind + partition))}};
}

}  // namespace

Result<std::vector<Request>> LocalReading::start(std::span<const stages::SourceResource> resources) const {
  std::map<std::string, std::vector<std::uint32_t>> kinds;
  for (const stages::SourceResource& resource : resources) kinds[resource.kind].push_back(resource.index);
  std::vector<Request> requests;
  for (auto& [kind, indexes] : kinds) {
    auto pages = [&, &name = kind]() -> Result<std::vector<PageRequest>> {
      try {
        return source_->start(name);
      } catch (const std::exception& thrown) {
        return unexpected(ErrorKind::kConfig, fmt::format("{} threw: {}", type_, thrown.what()));
      }
    }();
    if (!pages) return unexpected(std::move(pages).error());
    for (PageRequest& page : *pages) {
      Request request;
      stages::ScopeSpec scope;
      scope.resources = indexes;
      scope.partition = page.partition;
      request.scope = std::make_shared<const stages::ScopeSpec>(std::move(scope));
      request.cursor = std::move(page.cursor);
      request.context = std::make_shared<const std::string>(kind);
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

HttpRequest LocalReading::render(const Request& request) const {
  HttpRequest http;
  const std::string& kind = *request.context;
  http.url = fmt::format("local://{}/{}/{}", type_, stages::percent_encoded(kind),
                         stages::percent_encoded(request.scope->partition));
  http.body = packed(kind, {request.scope->partition, request.cursor});
  return http;
}

Result<stages::PageStep> LocalReading::read(const Request& request, const HttpResponse& response,
                                            json::Document& document) const {
  (void)document;
  stages::PageStep step;
  if (const auto next = response.header(kNext)) {
    Request following = request;
    following.cursor = *next;
    step.next.push_back(std::move(following));
  }
  const std::string_view text = response.body->view();
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return step;
  json::StructuralIndex index;
  auto structurals = index.build(text);
  if (!structurals) return unexpected(std::move(structurals).error());
  json::Brackets brackets;
  for (std::uint32_t at = 0; at < structurals->size;) {
    std::uint32_t failed_at = 0;
    const std::uint32_t behind = json::step_over(*structurals, at, brackets, &failed_at);
    if (behind == 0) {
      return unexpected(ErrorKind::kMalformed,
                        fmt::format("the page of {} is not JSON at byte {}", type_,
                                    failed_at < structurals->size ? structurals->at[failed_at] : text.size()));
    }
    const std::uint32_t begin = structurals->at[at];
    // Of a container the last structural is its bracket.
    const std::uint32_t end = json::is_open(structurals->byte(at))
                                  ? structurals->at[behind - 1] + 1
                                  : begin + static_cast<std::uint32_t>(structurals->token(at).size());
    step.records.add(begin, end - begin);
    at = behind;
  }
  return step;
}

LocalReaders::LocalReaders(std::shared_ptr<LocalSource> source, stages::RetryPolicy retry, pipeline::CreditPool& bodies)
    : source_(std::move(source)), retry_(retry), bodies_(bodies) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, source_->readers()); ++i) {
    threads_.emplace_back([this] { run(); });
    pthread_setname_np(threads_.back().native_handle(), "riptide-reader");
  }
}

LocalReaders::~LocalReaders() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = draining_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void LocalReaders::send(stages::Send send) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(send));
  }
  wake_.notify_one();
}

void LocalReaders::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
}

void LocalReaders::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    stages::Send next = std::move(queue_.front());
    queue_.pop_front();
    const bool stopped = draining_;
    lock.unlock();
    {
      Result<HttpResponse> answered =
          stopped ? Result<HttpResponse>(unexpected(ErrorKind::kStopped, "stopped")) : answer(next);
      next.credit.release();
      const auto done = std::move(next.done);
      done(std::move(answered));
    }
    lock.lock();
  }
}

/// Waits, unless the reading ends meanwhile: false then.
bool LocalReaders::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return draining_; });
}

Result<LocalPage> LocalReaders::read_page(const std::string& kind, const PageRequest& request) const {
  try {
    return source_->read_page(kind, request);
  } catch (const std::exception& thrown) {
    return unexpected(ErrorKind::kInternal, fmt::format("{} threw: {}", source_->type(), thrown.what()));
  } catch (...) {
    return unexpected(ErrorKind::kInternal, fmt::format("{} threw something that is no exception", source_->type()));
  }
}

Result<HttpResponse> LocalReaders::answer(stages::Send& send) {
  const auto [kind, request] = unpacked(send.request.body);
  if (send.not_before.count() > 0 && !wait(send.not_before)) return unexpected(ErrorKind::kStopped, "stopped");
  const auto begin = std::chrono::steady_clock::now();
  for (int attempt = 1;; ++attempt) {
    auto page = read_page(kind, request);
    if (page) {
      if (page->records.size() > bodies_.capacity()) {
        return unexpected(ErrorKind::kLimit, fmt::format("a page is larger than the memory for pages: {} > {} bytes",
                                                         page->records.size(), bodies_.capacity()));
      }
      auto body = std::make_shared<pipeline::PageBuffer>();
      body->credit = bodies_.take(page->records.size());
      body->append(page->records);
      HttpResponse response;
      response.status = 200;
      response.body = std::move(body);
      response.safe_url = send.request.url;
      response.attempts = attempt;
      response.elapsed =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
      if (page->next) response.headers.push_back({std::string(kNext), *std::move(page->next)});
      return response;
    }
    const bool again = page.error().kind == ErrorKind::kTransport && attempt < retry_.attempts;
    if (!again || !wait(stages::retry_delay(retry_, attempt, std::nullopt, 0.5))) {
      return unexpected(std::move(page).error());
    }
  }
}

}  // namespace riptide
