#include "riptide/simulator/jira_server.hpp"

#include <mutex>
#include <utility>

#include "jira_api.hpp"
#include "jira_world.hpp"
#include "serving.hpp"

namespace riptide::simulator {
namespace {

ServiceOptions service_options(const JiraOptions& options) {
  return {.seed = options.seed,
          .latency = options.latency,
          .latency_jitter = options.latency_jitter,
          .capacity = options.capacity,
          .faults = options.faults,
          .port = options.port,
          .before_answer = options.before_answer};
}

}  // namespace

std::optional<std::string> check(const JiraOptions& options) {
  if (options.projects > 400'000) return "more than 400,000 projects";
  if (options.issues.size() > options.projects) return "there are issues for more projects than there are";
  std::size_t issues = 0;
  for (const std::size_t count : options.issues) issues += std::min<std::size_t>(count, 100'000'000);
  if (options.issues.empty())
    issues = options.projects * std::min<std::size_t>(options.issues_per_project, 100'000'000);
  if (issues > 100'000'000) return "more than 100,000,000 issues";
  if (options.max_results == 0) return "max_results is 0: no page could hold a record";
  if (options.record_bytes > (std::size_t{16} << 20)) return "record_bytes is over 16 MiB";
  if (options.latency.count() < 0 || options.latency_jitter.count() < 0) return "a latency is negative";
  return check(options.faults);
}

// What is served, and the serving of it. `service.mutex` guards the world.
class JiraServer::Impl {
 public:
  explicit Impl(const JiraOptions& options)
      : world(options), api(world), service(service_options(options), api), thread_(service) {}

  void start() {
    api.set_base(url_of(service.port()));
    thread_.start();
  }

  JiraWorld world;
  JiraApi api;
  Service service;

 private:
  ServingThread thread_;
};

JiraServer::JiraServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JiraServer::~JiraServer() = default;

std::variant<std::unique_ptr<JiraServer>, std::string> JiraServer::start(JiraOptions options) {
  if (std::optional<std::string> wrong = check(options)) return *std::move(wrong);
  auto impl = std::make_unique<Impl>(options);
  if (std::optional<std::string> wrong = impl->service.open()) return *std::move(wrong);
  impl->start();
  return std::unique_ptr<JiraServer>(new JiraServer(std::move(impl)));
}

std::uint16_t JiraServer::port() const { return impl_->service.port(); }
std::string JiraServer::url() const { return url_of(port()); }
ServerStats JiraServer::stats() const { return impl_->service.stats(); }

std::vector<std::string> JiraServer::find(std::string_view jql) const {
  const std::lock_guard lock(impl_->service.mutex);
  std::vector<std::string> keys;
  const auto* const found = impl_->world.find(jql);
  if (found == nullptr) return keys;
  keys.reserve(found->size());
  for (const std::uint32_t issue : *found) keys.push_back(impl_->world.key(issue));
  return keys;
}

std::optional<std::string> JiraServer::create_issue(std::size_t project) {
  const std::lock_guard lock(impl_->service.mutex);
  if (project >= impl_->world.projects()) return std::nullopt;
  return impl_->world.key(impl_->world.create_issue(project));
}

bool JiraServer::remove_issue(std::string_view key) {
  const std::lock_guard lock(impl_->service.mutex);
  const auto issue = impl_->world.find_issue(key);
  if (issue) impl_->world.remove_issue(*issue);
  return issue.has_value();
}

int serve_until_stopped(const JiraOptions& options, int ready_fd) {
  return serve_in_process(check(options), ready_fd, [&options](int stop_fd, const SayReady& ready) {
    JiraWorld world(options);
    JiraApi api(world);
    return serve(service_options(options), api, stop_fd, [&api, &ready](std::uint16_t port) {
      api.set_base(url_of(port));
      ready(port);
    });
  });
}

}  // namespace riptide::simulator
