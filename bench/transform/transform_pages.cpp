#include "transform_pages.hpp"

#include <string>
#include <utility>

namespace riptide::transform {

namespace {

/// A machine of Octopus, about 2 KB.
std::string octopus_record(int number) {
  const std::string id = std::to_string(number);
  std::string json = R"({"Id":"Machines-)" + id + R"(","SpaceId":"Spaces-)" + std::to_string(number % 7) +
                     R"(","Name":"pay-web-)" + id + R"(","Slug":"pay-web-)" + id +
                     R"(","Description":"Serves the payment pages; rebuilt nightly.","Roles":["web","pay","eu-west"],)";
  json +=
      R"("EnvironmentIds":["Environments-7","Environments-12"],"TenantIds":[],"TenantTags":["Ring/Early","Region/EU"],)";
  json +=
      R"("TenantedDeploymentParticipation":"Untenanted","HealthStatus":"Healthy","StatusSummary":"Octopus was able to reach it.\r\nNothing to do.",)";
  json +=
      R"("HasLatestCalamari":true,"IsDisabled":false,"IsInProcess":false,"SkipInitialHealthCheck":false,"MachinePolicyId":"MachinePolicies-1",)";
  json +=
      R"("OperatingSystem":"Ubuntu 22.04.4 LTS","OperatingSystemVersion":"22.04","ShellName":"Bash","ShellVersion":"5.1.16","Architecture":"x64",)";
  json += R"("Thumbprint":"3D9AF2C41B7E05D86A93C1F2E4B5D6A7988F0C1B","Uri":"https://10.1.4.)" +
          std::to_string(number % 250) + R"(:10933/",)";
  json +=
      R"("Endpoint":{"CommunicationStyle":"TentaclePassive","DeploymentTargetTypeId":"TentaclePassive","Id":null,"Uri":"https://10.1.4.12:10933/",)";
  json +=
      R"("ProxyId":null,"Thumbprint":"3D9AF2C41B7E05D86A93C1F2E4B5D6A7988F0C1B","CertificateSignatureAlgorithm":"sha256RSA",)";
  json +=
      R"("TentacleVersionDetails":{"UpgradeLocked":false,"Version":"8.1.1893","UpgradeSuggested":false,"UpgradeRequired":false},"LastModifiedOn":null,"LastModifiedBy":null,"Links":{}},)";
  json += R"("Links":{)";
  const char* const kLinks[] = {"Self",        "Connection",  "TasksTemplate", "LatestTask",
                                "Deployments", "RunbookRuns", "Policy",        "Proxy"};
  for (const char* const link : kLinks) {
    if (link != kLinks[0]) json += ',';
    json +=
        '"' + std::string(link) + R"(":"/api/Spaces-2/machines/Machines-)" + id + "/" + link + R"({?skip,take,type}")";
  }
  return json + "}}";
}

/// An issue of Jira, about 8 KB.
std::string jira_record(int number) {
  const std::string id = std::to_string(number);
  const auto user = [](const std::string& name) {
    const std::string avatar =
        "\"https://secure.gravatar.com/avatar/"
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0?d=https%3A%2F%2Favatar-management.example.com%2Finitials%2FPW-3.png\"";
    return "{\"self\":\"https://example.atlassian.net/rest/api/3/"
           "user?accountId=5b10ac8d82e05b22cc7d4ef5\",\"accountId\":\"5b10ac8d82e05b22cc7d4ef5-" +
           name + "\",\"emailAddress\":\"" + name + "@example.com\",\"avatarUrls\":{\"48x48\":" + avatar +
           ",\"24x24\":" + avatar + ",\"16x16\":" + avatar + "},\"displayName\":\"" + name +
           " Person\",\"active\":true,\"timeZone\":\"Europe/Berlin\",\"accountType\":\"atlassian\"}";
  };
  std::string json = "{\"expand\":\"operations,versionedRepresentations,editmeta,changelog,renderedFields\",\"id\":\"" +
                     id + "\",\"self\":\"https://example.atlassian.net/rest/api/3/issue/" + id + "\",\"key\":\"PAY-" +
                     id + "\",\"fields\":{";
  json +=
      "\"statuscategorychangedate\":\"2025-10-02T10:31:44.120+0000\",\"issuetype\":{\"self\":\"https://"
      "example.atlassian.net/rest/api/3/issuetype/10001\",\"id\":\"10001\",\"description\":\"A small, distinct piece "
      "of "
      "work.\",\"iconUrl\":\"https://example.atlassian.net/rest/api/2/universal_avatar/view/type/issuetype/avatar/"
      "10318?size=medium\",\"name\":\"Task\",\"subtask\":false,\"avatarId\":10318,\"hierarchyLevel\":0},";
  json +=
      "\"timespent\":null,\"project\":{\"self\":\"https://example.atlassian.net/rest/api/3/project/"
      "10000\",\"id\":\"10000\",\"key\":\"PAY\",\"name\":\"Payments\",\"projectTypeKey\":\"software\",\"simplified\":"
      "false,\"avatarUrls\":{\"48x48\":\"https://example.atlassian.net/rest/api/3/universal_avatar/view/type/project/"
      "avatar/10400\"}},";
  for (int field = 0; field < 90; ++field) {
    json += "\"customfield_" + std::to_string(10000 + field) + "\":";
    json += field % 9 == 0 ? "[]," : field % 13 == 0 ? "{\"value\":\"Team blue\",\"id\":\"10020\"}," : "null,";
  }
  json +=
      "\"resolution\":null,\"resolutiondate\":null,\"workratio\":-1,\"labels\":[\"backend\",\"q3\"],\"created\":\"2025-"
      "09-30T08:12:01.331+0000\",\"updated\":\"2025-10-02T10:31:44.120+0000\",";
  json +=
      "\"priority\":{\"self\":\"https://example.atlassian.net/rest/api/3/priority/3\",\"iconUrl\":\"https://"
      "example.atlassian.net/images/icons/priorities/medium.svg\",\"name\":\"Medium\",\"id\":\"3\"},";
  json += "\"assignee\":" + user("ann") + ",\"reporter\":" + user("bob") + ",\"creator\":" + user("cyd") + ",";
  json +=
      "\"status\":{\"self\":\"https://example.atlassian.net/rest/api/3/status/3\",\"description\":\"This issue is "
      "being worked on.\",\"name\":\"In "
      "Progress\",\"id\":\"3\",\"statusCategory\":{\"id\":4,\"key\":\"indeterminate\",\"colorName\":\"yellow\","
      "\"name\":\"In Progress\"}},";
  json +=
      "\"components\":[{\"self\":\"https://example.atlassian.net/rest/api/3/component/"
      "10011\",\"id\":\"10011\",\"name\":\"ledger\"}],";
  json +=
      "\"summary\":\"Refunds over the limit \\\"hang\\\" until the nightly "
      "run\",\"description\":{\"type\":\"doc\",\"version\":1,\"content\":[";
  for (int paragraph = 0; paragraph < 6; ++paragraph) {
    if (paragraph != 0) json += ',';
    json +=
        "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"A refund over the limit waits for "
        "approval, and nobody is told that it does; the job that looks for them runs at night only.\"}]}";
  }
  json += "]},\"subtasks\":[";
  for (int subtask = 0; subtask < 3; ++subtask) {
    if (subtask != 0) json += ',';
    json += "{\"id\":\"20" + id + "\",\"key\":\"PAY-9" + std::to_string(subtask) + id +
            "\",\"fields\":{\"summary\":\"Part of it\",\"status\":{\"name\":\"Done\",\"id\":\"5\"}}}";
  }
  json +=
      "],\"parent\":{\"id\":\"300\",\"key\":\"PAY-300\",\"fields\":{\"summary\":\"Refunds\"}},\"progress\":{"
      "\"progress\":0,\"total\":0},\"votes\":{\"votes\":0,\"hasVoted\":false}}}";
  return json;
}

ExpressionSpec text(std::string path, std::string expression) { return {std::move(expression), std::move(path), 0, 0}; }

void add(EntitySpec& entity, std::initializer_list<std::pair<const char*, const char*>> properties,
         std::initializer_list<std::pair<const char*, const char*>> relations) {
  for (const auto& [name, expression] : properties)
    entity.properties.emplace_back(name, text(std::string("properties.") + name, expression));
  for (const auto& [name, expression] : relations)
    entity.relations.emplace_back(name, text(std::string("relations.") + name, expression));
}

}  // namespace

BenchPage octopus_page(int num_records) {
  BenchPage made;
  std::string body = R"({"ItemType":"Machine","TotalResults":1000,"ItemsPerPage":100,"LastPageNumber":9,"Items":[)";
  for (int i = 0; i < num_records; ++i) {
    if (i != 0) body += ',';
    const std::string record = octopus_record(1000 + i);
    made.records.add(static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(record.size()));
    made.records.overlay("__url", "\"https://octopus.example.com/app#/Spaces-1/infrastructure/machines/Machines-" +
                                      std::to_string(1000 + i) + "\"");
    body += record;
  }
  made.page = pipeline::make_page(body + "]}");
  return made;
}

BenchPage jira_page(int num_records) {
  BenchPage made;
  std::string body = R"({"isLast":false,"nextPageToken":"CAEaAggD","issues":[)";
  for (int i = 0; i < num_records; ++i) {
    if (i != 0) body += ',';
    const std::string record = jira_record(1000 + i);
    made.records.add(static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(record.size()));
    body += record;
  }
  made.page = pipeline::make_page(body + "]}");
  return made;
}

ResourceSpec octopus_machines() {
  ResourceSpec resource;
  resource.kind = "machine";
  resource.selector = text("query", "true");
  EntitySpec& entity = resource.entities.emplace_back();
  entity.identifier = text("identifier", ".Id");
  entity.title = text("title", ".Name");
  entity.blueprint = text("blueprint", "\"octopusMachine\"");
  add(entity,
      {{"roles", ".Roles"},
       {"status", ".HealthStatus"},
       {"url", ".__url"},
       {"isDisabled", ".IsDisabled"},
       {"operatingSystem", ".OperatingSystem"},
       {"architecture", ".Architecture"},
       {"statusSummary", ".StatusSummary"},
       {"endpointType", ".Endpoint.DeploymentTargetTypeId"},
       {"communicationStyle", ".Endpoint.CommunicationStyle"}},
      {{"space", ".SpaceId"}});
  return resource;
}

ResourceSpec jira_issues() {
  ResourceSpec resource;
  resource.kind = "issue";
  resource.selector = text("query", "true");
  EntitySpec& entity = resource.entities.emplace_back();
  entity.identifier = text("identifier", ".key");
  entity.title = text("title", ".fields.summary");
  entity.blueprint = text("blueprint", "\"jiraIssue\"");
  add(entity,
      {{"url", "(.self | split(\"/\") | .[:3] | join(\"/\")) + \"/browse/\" + .key"},
       {"status", ".fields.status.name"},
       {"issueType", ".fields.issuetype.name"},
       {"components", ".fields.components"},
       {"creator", ".fields.creator.emailAddress"},
       {"priority", ".fields.priority.name"},
       {"labels", ".fields.labels"},
       {"created", ".fields.created"},
       {"updated", ".fields.updated"},
       {"resolutionDate", ".fields.resolutiondate"}},
      {{"project", ".fields.project.key"},
       {"parentIssue", ".fields.parent.key"},
       {"subtasks", ".fields.subtasks | map(.key)"},
       {"assignee", ".fields.assignee.accountId"},
       {"reporter", ".fields.reporter.accountId"}});
  return resource;
}

ResourceSpec jira_issues_heavy() {
  ResourceSpec resource = jira_issues();
  add(resource.entities[0],
      {{"done", ".fields.subtasks | map(select(.fields.status.name == \"Done\")) | length"},
       {"slug", ".fields.summary | ascii_downcase | gsub(\"[^a-z0-9]+\"; \"-\")"},
       {"createdAt", ".fields.created | sub(\"\\\\.[0-9]+\\\\+0000\"; \"Z\") | fromdate"},
       {"fields", ".fields | to_entries | map(select(.value != null)) | length"}},
      {});
  return resource;
}

}  // namespace riptide::transform
