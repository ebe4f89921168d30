#include "jira_world.hpp"

#include <algorithm>
#include <array>

#include "random.hpp"

namespace riptide::simulator {
namespace {

// 2024-07-01T00:00:00Z: what "now" is, so that the same options give the same answers on any day.
constexpr std::int64_t kNowMs = 1'719'792'000'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::size_t kMaxRemembered = 4'096;
constexpr std::uint64_t kFirstIssueId = 100'000;
constexpr std::uint64_t kFirstProjectId = 10'000;

constexpr std::array<std::string_view, 3> kStatuses = {"To Do", "In Progress", "Done"};
constexpr std::array<std::string_view, 4> kTypes = {"Bug", "Story", "Task", "Sub-task"};
constexpr std::array<std::string_view, 5> kPriorities = {"Highest", "High", "Medium", "Low", "Lowest"};
constexpr std::array<std::string_view, 8> kWords = {"checkout", "ledger", "search",  "gateway",
                                                    "mobile",   "report", "billing", "session"};

void append_all(ByteBuffer& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) out.append(part);
}

}  // namespace

JiraWorld::JiraWorld(const JiraOptions& options)
    : options_(options), next_number_(options.projects, 1), utc_offset_ms_(options.utc_offset.count() * 60'000) {
  Random random(options_.seed);
  for (std::size_t project = 0; project < options_.projects; ++project) {
    const std::size_t count = options_.issues.empty()            ? options_.issues_per_project
                              : project < options_.issues.size() ? options_.issues[project]
                                                                 : 0;
    for (std::size_t i = 0; i < count; ++i) {
      Issue& issue = issues_.emplace_back();
      issue.id = kFirstIssueId + issues_.size();
      issue.project = static_cast<std::uint32_t>(project);
      issue.number = next_number_[project]++;
      // Over three years; most of them in the last months.
      const double age = unit(random.next());
      issue.created_ms = kNowMs - static_cast<std::int64_t>(age * age * 1'000.0 * static_cast<double>(kDayMs));
      issue.updated_ms = issue.created_ms + static_cast<std::int64_t>(unit(random.next()) *
                                                                      static_cast<double>(kNowMs - issue.created_ms));
      issue.status = static_cast<std::uint8_t>(random.below(kStatuses.size()));
      by_key_.emplace(key(static_cast<std::uint32_t>(issues_.size() - 1)),
                      static_cast<std::uint32_t>(issues_.size() - 1));
    }
  }
}

JqlFacts JiraWorld::facts_of(const Issue& issue, std::string& key, std::string& project) const {
  project = project_key(issue.project);
  key = project + "-" + std::to_string(issue.number);
  return {key, project, kFirstProjectId + issue.project, issue.created_ms, issue.updated_ms, kStatuses[issue.status]};
}

const std::vector<std::uint32_t>* JiraWorld::find(std::string_view jql) {
  if (const auto known = found_.find(jql); known != found_.end()) return &known->second.issues;
  const auto query = JqlQuery::parse(jql, utc_offset_ms_, kNowMs);
  if (!query) return nullptr;
  if (found_.size() >= kMaxRemembered) found_.clear();
  Result& result = found_[std::string(jql)];
  result.order = query->order();
  std::string key;
  std::string project;
  for (std::uint32_t i = 0; i < issues_.size(); ++i) {
    if (issues_[i].exists && query->finds(facts_of(issues_[i], key, project))) result.issues.push_back(i);
  }
  const auto older = [this](std::uint32_t a, std::uint32_t b) {
    return std::pair(issues_[a].created_ms, a) < std::pair(issues_[b].created_ms, b);
  };
  if (result.order != JqlQuery::Order::kNone) std::sort(result.issues.begin(), result.issues.end(), older);
  // Without an order of its own a query answers the newest first.
  if (result.order != JqlQuery::Order::kCreatedAscending) std::reverse(result.issues.begin(), result.issues.end());
  return &result.issues;
}

std::size_t JiraWorld::place_behind(const std::vector<std::uint32_t>& found, std::uint32_t issue,
                                    std::string_view jql) const {
  const auto known = found_.find(jql);
  const JqlQuery::Order order = known == found_.end() ? JqlQuery::Order::kNone : known->second.order;
  const auto before = [this, order](std::uint32_t a, std::uint32_t b) {
    switch (order) {
      case JqlQuery::Order::kNone:
        return a > b;
      case JqlQuery::Order::kCreatedAscending:
        return std::pair(issues_[a].created_ms, a) < std::pair(issues_[b].created_ms, b);
      case JqlQuery::Order::kCreatedDescending:
        return std::pair(issues_[a].created_ms, a) > std::pair(issues_[b].created_ms, b);
    }
    return false;
  };
  return static_cast<std::size_t>(std::upper_bound(found.begin(), found.end(), issue, before) - found.begin());
}

std::string JiraWorld::key(std::uint32_t index) const {
  return project_key(issues_[index].project) + "-" + std::to_string(issues_[index].number);
}

std::optional<std::uint32_t> JiraWorld::find_issue(std::string_view key) const {
  const auto found = by_key_.find(std::string(key));
  if (found == by_key_.end() || !issues_[found->second].exists) return std::nullopt;
  return found->second;
}

std::size_t JiraWorld::listed_projects() const noexcept {
  return options_.projects - std::min(options_.projects, options_.unlisted_projects);
}

std::string JiraWorld::project_key(std::size_t project) const {
  // PAA, PAB, ...: keys are letters.
  std::string key = "P";
  for (std::size_t power = 17'576; power >= 1; power /= 26) key += static_cast<char>('A' + project / power % 26);
  return key;
}

std::optional<std::size_t> JiraWorld::find_project(std::string_view key) const {
  if (key.size() != 5 || key.front() != 'P') return std::nullopt;
  std::size_t project = 0;
  for (const char c : key.substr(1)) {
    if (c < 'A' || c > 'Z') return std::nullopt;
    project = project * 26 + static_cast<std::size_t>(c - 'A');
  }
  return project < options_.projects ? std::optional(project) : std::nullopt;
}

void JiraWorld::write_issue(std::uint32_t index, Fields fields, std::string_view base, ByteBuffer& out) const {
  const Issue& issue = issues_[index];
  const std::string id = std::to_string(issue.id);
  const std::string issue_key = key(index);
  append_all(out, {R"({"expand":"operations,versionedRepresentations","id":")", id, R"(","self":")", base,
                   "/rest/api/3/issue/", id, R"(","key":")", issue_key, "\""});
  if (fields == Fields::kKey) return out.append("}");
  const std::string created = timestamp_of(issue.created_ms, utc_offset_ms_);
  append_all(out, {R"(,"fields":{"created":")", created, "\""});
  if (fields == Fields::kCreated) return out.append("}}");
  Random random(options_.seed ^ issue.id);
  const std::string project = project_key(issue.project);
  const auto user = [&] { return options_.users == 0 ? std::size_t{0} : random.below(options_.users); };
  const std::string assignee = std::to_string(user());
  const std::string reporter = std::to_string(user());
  const std::string_view status = kStatuses[issue.status];
  append_all(out, {R"(,"updated":")",
                   timestamp_of(issue.updated_ms, utc_offset_ms_),
                   R"(","summary":"The )",
                   kWords[random.below(kWords.size())],
                   " needs \\\"",
                   kWords[random.below(kWords.size())],
                   R"(\" \u2013 soon","status":{"name":")",
                   status,
                   R"(","statusCategory":{"name":")",
                   status,
                   R"("}},"issuetype":{"name":")",
                   kTypes[random.below(kTypes.size())],
                   R"("},"priority":{"name":")",
                   kPriorities[random.below(kPriorities.size())],
                   R"("},"project":{"id":")",
                   std::to_string(kFirstProjectId + issue.project),
                   R"(","key":")",
                   project,
                   R"("},"labels":["team-)",
                   std::to_string(random.below(9)),
                   R"("],"components":[],"resolutiondate":)"});
  if (status == "Done") {
    append_all(out, {"\"", timestamp_of(issue.updated_ms, utc_offset_ms_), "\""});
  } else {
    out.append("null");
  }
  append_all(out, {R"(,"assignee":{"accountId":"acc-)", assignee, R"(","name":"user-)", assignee,
                   R"("},"reporter":{"accountId":"acc-)", reporter, R"(","name":"user-)", reporter,
                   R"("},"creator":{"accountId":"acc-)", reporter, R"(","name":"user-)", reporter,
                   R"(","emailAddress":"user-)", reporter, R"(@example.test"})"});
  // The first of a project is the parent of some that follow.
  if (issue.number > 1 && issue.number % 10 == 0) {
    append_all(out, {R"(,"parent":{"key":")", project, R"(-1"},"subtasks":[])"});
  } else {
    out.append(R"(,"subtasks":[])");
  }
  out.append(R"(,"description":{"type":"doc","version":1,"text":")");
  const std::size_t written = 1'000;  // About so much is everything else.
  for (std::size_t left = options_.record_bytes > written ? options_.record_bytes - written : 0; left > 0;) {
    const std::string_view word = kWords[random.below(kWords.size())];
    append_all(out, {word, " "});
    left -= std::min(left, word.size() + 1);
  }
  out.append(R"("}}})");
}

void JiraWorld::write_project(std::size_t project, std::string_view base, ByteBuffer& out) const {
  const std::string id = std::to_string(kFirstProjectId + project);
  const std::string key = project_key(project);
  std::size_t issues = 0;
  if (!options_.issues.empty()) {
    issues = project < options_.issues.size() ? options_.issues[project] : 0;
  } else {
    issues = options_.issues_per_project;
  }
  append_all(out, {R"({"expand":"insight","self":")", base, "/rest/api/3/project/", id, R"(","id":")", id,
                   R"(","key":")", key, R"(","name":"The )", kWords[project % kWords.size()], " project ", key,
                   R"(","projectTypeKey":"software","insight":{"totalIssueCount":)", std::to_string(issues), "}}"});
}

void JiraWorld::write_user(std::size_t user, std::string_view base, bool server, ByteBuffer& out) const {
  const std::string number = std::to_string(user);
  append_all(out, {R"({"self":")", base, "/rest/api/3/user?accountId=acc-", number});
  if (server) {
    append_all(out, {R"(","key":"JIRAUSER)", number, R"(","name":"user-)", number});
  } else {
    append_all(out, {R"(","accountId":"acc-)", number, R"(","accountType":"atlassian)"});
  }
  append_all(out,
             {R"(","emailAddress":"user-)", number, R"(@example.test","displayName":"User )", number, R"(","active":)",
              user % 11 == 10 ? "false" : "true",
              R"(,"timeZone":"Europe/Berlin","locale":"en_GB","avatarUrls":{"48x48":"https://avatars.example.test/)",
              number, R"("}})"});
}

std::uint32_t JiraWorld::create_issue(std::size_t project) {
  const auto index = static_cast<std::uint32_t>(issues_.size());
  Issue& issue = issues_.emplace_back();
  issue.id = kFirstIssueId + issues_.size();
  issue.project = static_cast<std::uint32_t>(project);
  issue.number = next_number_[project]++;
  issue.created_ms = kNowMs + index;
  issue.updated_ms = issue.created_ms;
  by_key_.emplace(key(index), index);
  found_.clear();
  return index;
}

void JiraWorld::remove_issue(std::uint32_t index) {
  issues_[index].exists = false;
  found_.clear();
}

}  // namespace riptide::simulator
