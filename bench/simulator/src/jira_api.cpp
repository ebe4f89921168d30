#include "jira_api.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "random.hpp"

namespace riptide::simulator {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    if (path.front() == '/') path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (!segment.empty()) segments.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<std::string> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) return decoded(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

std::optional<std::size_t> number_of(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::size_t count_parameter(std::string_view query, std::string_view name, std::size_t fallback) {
  const auto text = parameter(query, name);
  return text ? number_of(*text).value_or(fallback) : fallback;
}

// A member of a flat JSON object in a request: the decoded text of a string, or what stands there. Enough for what
// clients send here; anything else is answered 400.
std::optional<std::string> member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const std::size_t at = json.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = json.substr(at + key.size());
  if (rest.empty()) return std::nullopt;
  if (rest.front() != '"') return std::string(rest.substr(0, rest.find_first_of(",}")));
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') return out;
    if (rest[i] == '\\' && i + 1 < rest.size()) {
      ++i;
      out += rest[i] == 'n' ? '\n' : rest[i] == 't' ? '\t' : rest[i];
    } else {
      out += rest[i];
    }
  }
  return std::nullopt;
}

// "k3f-17": a token of this query, behind that record.
std::string token_of(std::string_view query, std::size_t behind) {
  return "k" + std::to_string(hash(query, 7) % 1'000'000) + "-" + std::to_string(behind);
}

std::optional<std::size_t> behind_of(std::string_view token, std::string_view query) {
  const std::size_t dash = token.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto behind = number_of(token.substr(dash + 1));
  if (!behind || token != token_of(query, *behind)) return std::nullopt;
  return behind;
}

}  // namespace

bool JiraApi::knows(const HttpRequest& request) const {
  const std::string& wanted = world_.options().authorization;
  return wanted.empty() || request.authorization == wanted;
}

void JiraApi::write_error(std::string_view message, ByteBuffer& body) const {
  body.append(R"({"errorMessages":[")");
  body.append(message);
  body.append(R"("],"errors":{}})");
}

JiraApi::Answer JiraApi::refused(int status, std::string_view message, ByteBuffer& body) const {
  write_error(message, body);
  return {status};
}

JiraApi::Answer JiraApi::answer(const HttpRequest& request, Encoding /*accepted*/, ByteBuffer& body) {
  const std::size_t question = request.target.find('?');
  Asked asked{request.method, segments_of(request.target.substr(0, question)),
              question == std::string_view::npos ? std::string_view{} : request.target.substr(question + 1),
              request.body};
  auto& path = asked.path;
  const auto skip = [&path](std::size_t count) { path.erase(path.begin(), path.begin() + static_cast<long>(count)); };
  const auto starts = [&path](std::initializer_list<std::string_view> with) {
    return path.size() >= with.size() && std::equal(with.begin(), with.end(), path.begin());
  };
  if (starts({"oauth", "token", "accessible-resources"})) return sites(body);
  if (starts({"ex", "jira"}) && path.size() > 3) {
    if (path[2] != world_.options().cloud_id) return refused(404, "There is no such site.", body);
    skip(3);
  }
  if (starts({"gateway", "api", "public", "teams", "v1", "org"})) {
    skip(6);
    return teams(asked, body);
  }
  if (starts({"rest", "api", "3"})) {
    skip(3);
    return platform(asked, body);
  }
  if (starts({"rest", "agile", "1.0", "board"}) || starts({"rest", "agile", "latest", "board"})) {
    skip(4);
    return agile(asked, body);
  }
  if (starts({"rest", "software", "1.0", "board"}) && path.size() == 6 && path[5] == "backlog") {
    const auto board = number_of(path[4]);
    if (!board || *board == 0 || *board > world_.options().boards) return refused(404, "There is no such board.", body);
    return backlog(asked, *board - 1, true, body);
  }
  if (starts({"rest", "api", "2"})) {
    skip(3);
    return server(asked, body);
  }
  return refused(404, "There is nothing at this address.", body);
}

JiraApi::Answer JiraApi::page(const Asked& asked, std::string_view key, std::size_t total, Envelope envelope,
                              const Write& write, ByteBuffer& body) const {
  const std::size_t start = count_parameter(asked.query, "startAt", 0);
  const std::size_t asked_for = count_parameter(asked.query, "maxResults", 50);
  const std::size_t take = std::min(asked_for, world_.options().max_results);
  const std::size_t begin = std::min(start, total);
  const std::size_t end = std::min(total, begin + take);
  if (envelope != Envelope::kBare) {
    body.append(R"({"maxResults":)");
    body.append_number(take);
    body.append(R"(,"startAt":)");
    body.append_number(start);
    if (envelope == Envelope::kTotal) {
      body.append(R"(,"total":)");
      body.append_number(total);
    }
    body.append(R"(,"isLast":)");
    body.append(end == total ? "true" : "false");
    body.append(",\"");
    body.append(key);
    body.append("\":");
  }
  body.append("[");
  for (std::size_t i = begin; i < end; ++i) {
    if (i != begin) body.append(",");
    write(i, body);
  }
  body.append(envelope == Envelope::kBare ? "]" : "]}");
  return {};
}

JiraApi::Answer JiraApi::platform(const Asked& asked, ByteBuffer& body) {
  const auto& path = asked.path;
  const JiraOptions& options = world_.options();
  const auto is = [&path](std::initializer_list<std::string_view> all) {
    return std::equal(path.begin(), path.end(), all.begin(), all.end());
  };
  if (asked.method == "POST") {
    if (is({"search", "jql"})) return search(asked, body);
    if (is({"search", "approximate-count"})) {
      const auto jql = member(asked.body, "jql");
      const auto* const found = jql ? world_.find(*jql) : nullptr;
      if (found == nullptr) return refused(400, "This is no query.", body);
      body.append(R"({"count":)");
      body.append_number(found->size());
      body.append("}");
      return {};
    }
    return refused(405, "Only searches are posted.", body);
  }
  if (is({"project", "search"})) {
    return page(
        asked, "values", world_.listed_projects(), Envelope::kTotal,
        [this](std::size_t i, ByteBuffer& out) { world_.write_project(i, base_, out); }, body);
  }
  if (is({"users", "search"})) {
    return page(
        asked, "", options.users, Envelope::kBare,
        [this](std::size_t i, ByteBuffer& out) { world_.write_user(i, base_, false, out); }, body);
  }
  if (path.size() == 3 && path[0] == "project") {
    const auto project = world_.find_project(path[1]);
    if (!project) return refused(404, "There is no such project.", body);
    if (path[2] == "version") {
      return page(
          asked, "values", options.releases_per_project, Envelope::kTotal,
          [this, &project](std::size_t i, ByteBuffer& out) { write_version(*project, i, out); }, body);
    }
    if (path[2] == "component") {
      return page(
          asked, "values", options.components_per_project, Envelope::kTotal,
          [this, &project](std::size_t i, ByteBuffer& out) { write_component(*project, i, out); }, body);
    }
  }
  if (path.size() == 3 && path[0] == "issue" && path[2] == "worklog") {
    const auto issue = world_.find_issue(path[1]);
    if (!issue) return refused(404, "There is no such issue.", body);
    return page(
        asked, "worklogs", options.worklogs_per_issue, Envelope::kTotal,
        [this, &issue](std::size_t i, ByteBuffer& out) { write_worklog(*issue, i, out); }, body);
  }
  return refused(404, "There is nothing at this address.", body);
}

JiraApi::Answer JiraApi::search(const Asked& asked, ByteBuffer& body) {
  const auto jql = member(asked.body, "jql");
  const auto* const found = jql ? world_.find(*jql) : nullptr;
  if (found == nullptr) return refused(400, "This is no query.", body);
  const auto max_results = member(asked.body, "maxResults");
  const std::size_t take =
      std::min(max_results ? number_of(*max_results).value_or(50) : 50, world_.options().max_results);
  std::size_t begin = 0;
  if (const auto token = member(asked.body, "nextPageToken")) {
    const auto behind = behind_of(*token, *jql);
    if (!behind) return refused(400, "This is no token of this query.", body);
    begin = world_.place_behind(*found, static_cast<std::uint32_t>(*behind), *jql);
  }
  JiraWorld::Fields fields = JiraWorld::Fields::kAll;
  if (asked.body.find(R"("fields":["key"])") != std::string_view::npos) fields = JiraWorld::Fields::kKey;
  if (asked.body.find(R"("fields":["created"])") != std::string_view::npos) fields = JiraWorld::Fields::kCreated;
  const std::size_t end = std::min(found->size(), begin + take);
  body.append(R"({"issues":[)");
  for (std::size_t i = begin; i < end; ++i) {
    if (i != begin) body.append(",");
    world_.write_issue((*found)[i], fields, base_, body);
  }
  body.append("]");
  if (end < found->size() && end > begin) {
    body.append(R"(,"nextPageToken":")");
    body.append(token_of(*jql, (*found)[end - 1]));
    body.append("\"");
  }
  body.append(end < found->size() ? R"(,"isLast":false})" : R"(,"isLast":true})");
  return {};
}

JiraApi::Answer JiraApi::agile(const Asked& asked, ByteBuffer& body) {
  const auto& path = asked.path;
  const JiraOptions& options = world_.options();
  constexpr std::array<std::string_view, 3> kTypes = {"scrum", "kanban", "simple"};
  if (path.empty()) {
    const auto type = parameter(asked.query, "type");
    const auto project = parameter(asked.query, "projectKeyOrId");
    std::vector<std::size_t> boards;
    for (std::size_t i = 0; i < options.boards; ++i) {
      if (type && *type != kTypes[i % 3]) continue;
      if (project && *project != world_.project_key(i % std::max<std::size_t>(1, options.projects))) continue;
      boards.push_back(i);
    }
    return page(
        asked, "values", boards.size(), Envelope::kTotal,
        [&boards, &kTypes](std::size_t i, ByteBuffer& out) {
          const std::string id = std::to_string(boards[i] + 1);
          out.append("{\"id\":" + id + R"(,"name":"Board )" + id + R"(","type":")" +
                     std::string(kTypes[boards[i] % 3]) + "\"}");
        },
        body);
  }
  const auto number = number_of(path[0]);
  if (!number || *number == 0 || *number > options.boards || path.size() != 2) {
    return refused(404, "There is no such board.", body);
  }
  const std::size_t board = *number - 1;
  const std::string id = std::to_string(*number);
  if (path[1] == "project") {
    const std::size_t count = std::min<std::size_t>(2, options.projects);
    return page(
        asked, "values", count, Envelope::kTotal,
        [this, board](std::size_t i, ByteBuffer& out) {
          world_.write_project((board + i) % world_.projects(), base_, out);
        },
        body);
  }
  if (path[1] == "sprint") {
    if (board % 3 == 1) return refused(400, "The board does not support sprints", body);
    constexpr std::array<std::string_view, 3> kStates = {"active", "closed", "future"};
    const std::string states = parameter(asked.query, "state").value_or("active,closed,future");
    std::vector<std::size_t> sprints;
    for (std::size_t i = 0; i < options.sprints_per_board; ++i) {
      if (states.find(kStates[i % 3]) != std::string::npos) sprints.push_back(i);
    }
    return page(
        asked, "values", sprints.size(), Envelope::kLastFlag,
        [&](std::size_t i, ByteBuffer& out) {
          out.append("{\"id\":" + id + std::to_string(1000 + sprints[i]) + R"(,"state":")" +
                     std::string(kStates[sprints[i] % 3]) + R"(","name":"Sprint )" + std::to_string(sprints[i]) +
                     R"(","originBoardId":)" + id + "}");
        },
        body);
  }
  if (path[1] == "epic") {
    const auto done = parameter(asked.query, "done");
    std::vector<std::size_t> epics;
    for (std::size_t i = 0; i < options.epics_per_board; ++i) {
      if (!done || (*done == "true") == (i % 2 == 1)) epics.push_back(i);
    }
    return page(
        asked, "values", epics.size(), Envelope::kLastFlag,
        [&](std::size_t i, ByteBuffer& out) {
          out.append("{\"id\":" + id + std::to_string(2000 + epics[i]) + R"(,"name":"Epic )" +
                     std::to_string(epics[i]) + R"(","done":)" + (epics[i] % 2 == 1 ? "true}" : "false}"));
        },
        body);
  }
  if (path[1] == "backlog") return backlog(asked, board, false, body);
  return refused(404, "There is nothing at this address.", body);
}

JiraApi::Answer JiraApi::backlog(const Asked& asked, std::size_t board, bool software, ByteBuffer& body) {
  if (software && board % 3 == 2) return refused(400, "Backlogs are not supported on this board", body);
  if (world_.projects() == 0) return refused(404, "There is no such board.", body);
  const std::string project = world_.project_key(board % world_.projects());
  const auto jql = parameter(asked.query, "jql");
  const std::string query = "project = " + project + (jql && !jql->empty() ? " AND (" + *jql + ")" : "");
  const auto* const found = world_.find(query);
  if (found == nullptr) return refused(400, "This is no query.", body);
  const auto write = [this, found](std::size_t i, ByteBuffer& out) {
    world_.write_issue((*found)[i], JiraWorld::Fields::kCreated, base_, out);
  };
  if (!software) return page(asked, "issues", found->size(), Envelope::kTotal, write, body);
  std::size_t begin = 0;
  if (const auto token = parameter(asked.query, "nextPageToken")) {
    const auto behind = behind_of(*token, query);
    if (!behind) return refused(400, "This is no token of this query.", body);
    begin = world_.place_behind(*found, static_cast<std::uint32_t>(*behind), query);
  }
  const std::size_t take = std::min(count_parameter(asked.query, "maxResults", 50), world_.options().max_results);
  const std::size_t end = std::min(found->size(), begin + take);
  body.append(R"({"issues":[)");
  for (std::size_t i = begin; i < end; ++i) {
    if (i != begin) body.append(",");
    write(i, body);
  }
  body.append("]");
  if (end < found->size() && end > begin)
    body.append(R"(,"nextPageToken":")" + token_of(query, (*found)[end - 1]) + "\"");
  body.append(end < found->size() ? R"(,"isLast":false})" : R"(,"isLast":true})");
  return {};
}

JiraApi::Answer JiraApi::teams(const Asked& asked, ByteBuffer& body) {
  const auto& path = asked.path;
  const JiraOptions& options = world_.options();
  if (path.size() < 2 || path[0] != options.organization_id || path[1] != "teams") {
    return refused(404, "There is no such organization.", body);
  }
  const auto list = [&](std::string_view token, std::string_view name, std::size_t total, std::size_t take) {
    const std::string cursor = parameter(asked.query, token).value_or("");
    const std::size_t begin = cursor.empty() ? 0 : std::min(total, behind_of(cursor, name).value_or(total));
    return std::pair(begin, std::min(total, begin + take));
  };
  if (path.size() == 2) {
    const auto [begin, end] = list("cursor", "teams", options.teams, 3);
    body.append(R"({"entities":[)");
    for (std::size_t i = begin; i < end; ++i) {
      const std::string number = std::to_string(i);
      body.append((i != begin ? "," : "") + (R"({"teamId":"team-)" + number) + R"(","displayName":"Team )" + number +
                  R"(","organizationId":")" + options.organization_id +
                  R"(","teamType":"OPEN","description":"They do things","state":"ACTIVE"})");
    }
    body.append(end < options.teams ? R"(],"cursor":")" + token_of("teams", end) + "\"}" : std::string("]}"));
    return {};
  }
  if (path.size() != 4 || path[3] != "members" || asked.method != "POST") {
    return refused(404, "There is nothing at this address.", body);
  }
  const auto [begin, end] = list("after", path[2], options.members_per_team,
                                 std::min<std::size_t>(50, count_parameter(asked.query, "first", 50)));
  body.append(R"({"results":[)");
  for (std::size_t i = begin; i < end; ++i) {
    body.append((i != begin ? "," : "") + (R"({"accountId":"acc-)" + std::to_string(i)) + "\"}");
  }
  const bool more = end < options.members_per_team;
  body.append(std::string(R"(],"pageInfo":{"hasNextPage":)") + (more ? "true" : "false") + R"(,"endCursor":")" +
              token_of(path[2], end) + "\"}}");
  return {};
}

JiraApi::Answer JiraApi::server(const Asked& asked, ByteBuffer& body) {
  const auto& path = asked.path;
  const JiraOptions& options = world_.options();
  const auto is = [&path](std::initializer_list<std::string_view> all) {
    return std::equal(path.begin(), path.end(), all.begin(), all.end());
  };
  const auto write_user = [this](std::size_t i, ByteBuffer& out) { world_.write_user(i, base_, true, out); };
  if (is({"project"})) {
    body.append("[");
    for (std::size_t i = 0; i < world_.listed_projects(); ++i) {
      if (i != 0) body.append(",");
      world_.write_project(i, base_, body);
    }
    body.append("]");
    return {};
  }
  if (is({"search"})) {
    const auto* const found = world_.find(parameter(asked.query, "jql").value_or(""));
    if (found == nullptr) return refused(400, "This is no query.", body);
    return page(
        asked, "issues", found->size(), Envelope::kTotal,
        [this, found](std::size_t i, ByteBuffer& out) {
          world_.write_issue((*found)[i], JiraWorld::Fields::kAll, base_, out);
        },
        body);
  }
  if (is({"user", "list"}) && options.lists_users) {
    const std::string cursor = parameter(asked.query, "cursor").value_or("");
    const std::size_t begin =
        cursor.empty() ? 0 : std::min(options.users, behind_of(cursor, "users").value_or(options.users));
    const std::size_t end =
        std::min(options.users, begin + std::min(options.max_results, count_parameter(asked.query, "maxResults", 50)));
    body.append(R"({"values":[)");
    for (std::size_t i = begin; i < end; ++i) {
      if (i != begin) body.append(",");
      write_user(i, body);
    }
    const bool last = end == options.users;
    body.append(last ? std::string(R"(],"isLast":true})")
                     : R"(],"isLast":false,"nextCursor":")" + token_of("users", end) + "\"}");
    return {};
  }
  if (is({"user", "search"})) return page(asked, "", options.users, Envelope::kBare, write_user, body);
  return refused(404, "There is nothing at this address.", body);
}

JiraApi::Answer JiraApi::sites(ByteBuffer& body) const {
  body.append(R"([{"id":"another","url":"https://another.example.test","scopes":[]},{"id":")");
  body.append(world_.options().cloud_id);
  body.append(R"(","url":")");
  body.append(base_);
  body.append(R"(","scopes":[]}])");
  return {};
}

void JiraApi::write_version(std::size_t project, std::size_t index, ByteBuffer& body) const {
  body.append(R"({"id":")" + std::to_string(project * 1'000 + index) + R"(","name":"1.)" + std::to_string(index) +
              R"(","released":true,"projectId":)" + std::to_string(10'000 + project) + "}");
}

void JiraApi::write_component(std::size_t project, std::size_t index, ByteBuffer& body) const {
  body.append(R"({"id":")" + std::to_string(project * 1'000 + index) + R"(","name":"Part )" + std::to_string(index) +
              "\"}");
}

void JiraApi::write_worklog(std::uint32_t issue, std::size_t index, ByteBuffer& body) const {
  body.append(R"({"id":")" + std::to_string(std::uint64_t{issue} * 1'000 + index) + R"(","issueId":")" +
              std::to_string(world_.issue(issue).id) + R"(","timeSpentSeconds":3600})");
}

}  // namespace riptide::simulator
