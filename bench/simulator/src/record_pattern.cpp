// What the records say: the fields of Octopus's REST API in its order, with made-up contents.

#include <array>
#include <string>
#include <string_view>

#include "random.hpp"
#include "record_template.hpp"

namespace riptide::simulator {
namespace {

// Parts of contents, as JSON text: some carry escapes and letters beyond ASCII, as real ones do.
constexpr std::array<std::string_view, 8> kDescriptions{
    "@{nullable}",
    R"("Keeps the books@{revision}")",
    R"("Owned by the \"rounding\" team@{revision}")",
    R"("Pays out at night.\nAsk ops before a change@{revision}")",
    R"("Buchhaltung für alle Länder@{revision}")",
    R"("Caf\u00e9 orders \u2192 kitchen@{revision}")",
    R"("Reads C:\\drop\\in\\*.csv@{revision}")",
    R"("@{revision}")",
};
constexpr std::array<std::string_view, 6> kNotes{
    R"(fixes\n- \"rounding\")",
    "First cut of the new ledger",
    R"(- faster start\n- a retry when the queue is away\n- größere Listen)",
    "",
    R"(See <https://example.test/changes?from=1&to=2>)",
    R"(\t* tabs kept\r\n\t* nothing else)",
};
constexpr std::array<std::string_view, 5> kHealth{"Healthy", "Unavailable", "Unknown", "HasWarnings", "Unhealthy"};
constexpr std::array<std::string_view, 5> kSummaries{
    "Octopus was able to reach it.",
    "It did not answer within 00:05:00.",
    "No health check has run yet.",
    R"(Little room on \"/var\": 4 % left.)",
    R"(The script failed with exit code 1:\nbash: calamari: not found)",
};
constexpr std::array<std::string_view, 5> kStyles{"TentaclePassive", "TentacleActive", "Ssh", "Kubernetes",
                                                  "AzureWebApp"};
constexpr std::array<std::string_view, 3> kSystems{"Ubuntu 22.04.4 LTS", "Debian GNU/Linux 12 (bookworm)",
                                                   "Microsoft Windows Server 2022 Datacenter"};
constexpr std::array<std::string_view, 4> kRoles{R"("web", "pay")", R"("db")", R"("batch", "ledger", "eu-west-1")",
                                                 R"("web", "k8s", "linux-x64")"};
constexpr std::array<std::string_view, 4> kPeople{"ci", "ops", "ana.ferreira", "J\xC3\xB6rg"};
constexpr std::array<std::string_view, 4> kStages{"Production", "Staging", "Test", "Development"};
constexpr std::array<std::string_view, 8> kLinkNames{"Channels", "Triggers", "OrderChannels", "Progression",
                                                     "Releases", "Runbooks", "Variables",     "Summary"};

template <std::size_t N>
std::string_view pick(const std::array<std::string_view, N>& from, Random& random) {
  return from[random.below(N)];
}

std::string number(Random& random, std::uint64_t below) { return std::to_string(1 + random.below(below)); }

// Fills a list of members or elements up to `bytes`. The last one is stretched, so that the length comes out exactly.
template <typename Make>
std::string fill(std::size_t bytes, std::string_view first_separator, Make make) {
  std::string filled;
  std::string_view separator = first_separator;
  for (std::size_t i = 0;; ++i) {
    const std::string plain = std::string(separator) + make(i, 0);
    if (filled.size() + plain.size() > bytes) return filled;
    const std::size_t left = bytes - filled.size() - plain.size();
    if (left < plain.size() + 8) {
      filled += std::string(separator) + make(i, left);
      return filled;
    }
    filled += plain;
    separator = ", ";
  }
}

std::string filled_links(std::size_t bytes) {
  return fill(bytes, ", ", [](std::size_t i, std::size_t stretch) {
    const std::string name = std::string(kLinkNames[i % kLinkNames.size()]) + std::to_string(100 + i);
    return "\"" + name + "\": \"/api/links/" + std::string(stretch, 'x') + std::to_string(100 + i) +
           "/versions{/id}{?skip,take,partialName}\"";
  });
}

std::string filled_packages(std::size_t bytes) {
  return fill(bytes, "", [](std::size_t i, std::size_t stretch) {
    const std::string step = "Deploy part " + std::to_string(100 + i);
    return R"({"ActionName": ")" + step + R"(", "StepName": ")" + step + R"(", "Version": "2.14.)" +
           std::to_string(i % 10) + R"(", "PackageReferenceName": ")" + std::string(stretch, 'p') + R"("})";
  });
}

std::string filled_changes(std::size_t bytes) {
  return fill(bytes, "", [](std::size_t i, std::size_t stretch) {
    return R"({"Version": "2.)" + std::to_string(100 + i) + R"(.0", "ReleaseNotes": "a change)" +
           std::string(stretch, '.') + R"(", "BuildInformation": [], "WorkItems": [], "Commits": []})";
  });
}

std::string space_pattern(Random& random) {
  const std::string description(pick(kDescriptions, random));
  return R"({"Id": "Spaces-@{id}", "Name": "@{name}", "Slug": "@{slug}", "Description": )" + description +
         R"(, "IsDefault": false, "TaskQueueStopped": false, "SpaceManagersTeams": ["teams-spacemanagers-Spaces-@{id}"], )"
         R"("SpaceManagersTeamMembers": [], "Icon": null, "LastModifiedOn": "@{time}", "LastModifiedBy": ")" +
         std::string(pick(kPeople, random)) + R"(", "Links": {"Self": "/api/spaces/Spaces-@{id}"}})";
}

std::string project_pattern(Random& random, std::size_t pad) {
  std::string pattern =
      R"({"Id": "Projects-@{id}", "SpaceId": "Spaces-@{space}", "Name": "@{name}", "Slug": "@{slug}", "Description": )";
  pattern += pick(kDescriptions, random);
  pattern += R"(, "IsDisabled": )";
  pattern += random.below(8) == 0 ? "true" : "false";
  pattern += R"(, "TenantedDeploymentMode": ")";
  pattern += random.below(4) == 0 ? "TenantedOrUntenanted" : "Untenanted";
  pattern += R"(", "LifecycleId": "Lifecycles-)" + number(random, 20) + R"(", "ProjectGroupId": "ProjectGroups-)" +
             number(random, 90);
  pattern +=
      R"(", "VariableSetId": "variableset-Projects-@{id}", "DeploymentProcessId": "deploymentprocess-Projects-@{id}", )"
      R"("DefaultGuidedFailureMode": "EnvironmentDefault", "IncludedLibraryVariableSetIds": [], )"
      R"("VersioningStrategy": {"Template": "#{Octopus.Version.LastMajor}.#{Octopus.Version.NextMinor}"}, )"
      R"("IsVersionControlled": false, "ClonedFromProjectId": null, )"
      R"("Links": {"Self": "/api/Spaces-@{space}/projects/Projects-@{id}", )"
      R"("Web": "/app#/Spaces-@{space}/projects/Projects-@{id}")";
  return pattern + filled_links(pad) + "}}";
}

std::string release_pattern(Random& random, std::size_t pad) {
  std::string pattern =
      R"({"Id": "Releases-@{id}", "SpaceId": "Spaces-@{space}", "ProjectId": "Projects-@{project}", "ChannelId": "Channels-)" +
      number(random, 400) + R"(", "Version": "@{version}", "Assembled": "@{time}", "ReleaseNotes": ")";
  pattern += pick(kNotes, random);
  pattern += R"(@{revision}", "SelectedPackages": [)" + filled_packages(pad);
  pattern += R"(], "SelectedGitResources": [], "BuildInformation": [], )"
             R"("ProjectVariableSetSnapshotId": "variableset-Projects-@{project}-s-9-XY", )"
             R"("ProjectDeploymentProcessSnapshotId": "deploymentprocess-Projects-@{project}-s-4-AB", )"
             R"("LibraryVariableSetSnapshotIds": [], "VersionControlReference": {"GitRef": null, "GitCommit": null}, )"
             R"("Links": {"Self": "/api/Spaces-@{space}/releases/Releases-@{id}"}})";
  return pattern;
}

std::string deployment_pattern(Random& random, std::size_t pad) {
  const std::uint64_t stage = random.below(kStages.size());
  std::string pattern = R"({"Id": "Deployments-@{id}", "SpaceId": "Spaces-@{space}", "Name": "Deploy to )";
  pattern += kStages[stage];
  pattern +=
      R"(", "ProjectId": "Projects-@{project}", "ReleaseId": "Releases-@{release}", "EnvironmentId": "Environments-)";
  pattern += std::to_string(stage + 1) + R"(", "TenantId": null, "ChannelId": "Channels-)" + number(random, 400);
  pattern += R"(", "TaskId": "ServerTasks-@{id}", "Created": "@{time}", "DeployedBy": ")";
  pattern += pick(kPeople, random);
  pattern += R"(", "DeployedById": "Users-)" + number(random, 40) + R"(", "FailureEncountered": )";
  pattern += random.below(6) == 0 ? "true" : "false";
  pattern += R"(, "Comments": ")";
  pattern += pick(kNotes, random);
  pattern += R"(@{revision}", "UseGuidedFailure": false, "ForcePackageDownload": false, "SpecificMachineIds": [], )"
             R"("ExcludedMachineIds": [], "SkipActions": [], "FormValues": {}, "QueueTime": null, "Changes": [)";
  pattern += filled_changes(pad) + R"(], "Links": {"Self": "/api/Spaces-@{space}/deployments/Deployments-@{id}"}})";
  return pattern;
}

std::string machine_pattern(Random& random, std::size_t pad) {
  const std::uint64_t health = random.below(kHealth.size());
  const std::string style(pick(kStyles, random));
  std::string thumbprint;
  while (thumbprint.size() < 40) thumbprint += "0123456789ABCDEF"[random.below(16)];
  std::string pattern =
      R"({"Id": "Machines-@{id}", "SpaceId": "Spaces-@{space}", "Name": "@{name}", "Slug": "@{slug}", "Roles": [)";
  pattern += pick(kRoles, random);
  pattern += R"(], "EnvironmentIds": ["Environments-)" + number(random, 4);
  pattern +=
      R"("], "TenantIds": [], "TenantTags": [], "TenantedDeploymentParticipation": "Untenanted", "HealthStatus": ")";
  pattern += kHealth[health];
  pattern += R"(", "StatusSummary": ")";
  pattern += kSummaries[health];
  pattern += R"(@{revision}", "HasLatestCalamari": true, "IsDisabled": )";
  pattern += random.below(8) == 0 ? "true" : "false";
  pattern += R"(, "IsInProcess": false, "MachinePolicyId": "MachinePolicies-1", "OperatingSystem": ")";
  pattern += pick(kSystems, random);
  pattern +=
      R"(", "OperatingSystemVersion": "22.04", "ShellName": "Bash", "ShellVersion": "5.1.16", "Architecture": "x64", )"
      R"("Thumbprint": ")" +
      thumbprint + R"(", "Uri": "https://10.)" + number(random, 250) + "." + number(random, 250) + "." +
      number(random, 250) + R"(:10933/", "Endpoint": {"CommunicationStyle": ")" + style +
      R"(", "DeploymentTargetTypeId": ")" + style +
      R"(", "Id": null, "Links": {}}, "Links": {"Self": "/api/Spaces-@{space}/machines/Machines-@{id}")";
  return pattern + filled_links(pad) + "}}";
}

std::string custom_pattern(std::string_view kind, Random& random, std::size_t pad) {
  const std::string route = std::string(kind) + "s";
  const std::string prefix = item_type(kind) + "s";
  std::string pattern = R"({"Id": ")" + prefix +
                        R"(-@{id}", "SpaceId": "Spaces-@{space}", "Name": "@{name}", "Slug": )"
                        R"("@{slug}", "Description": )";
  pattern += pick(kDescriptions, random);
  pattern += R"(, "LastModifiedOn": "@{time}", "Links": {"Self": "/api/Spaces-@{space}/)" + route + "/" + prefix +
             R"(-@{id}")";
  return pattern + filled_links(pad) + "}}";
}

std::string pattern_of(std::string_view kind, std::uint64_t seed, std::size_t pad) {
  Random random(seed);  // afresh, so that the padding does not change the rest
  if (kind == "space") return space_pattern(random);
  if (kind == "project") return project_pattern(random, pad);
  if (kind == "release") return release_pattern(random, pad);
  if (kind == "deployment") return deployment_pattern(random, pad);
  if (kind == "machine") return machine_pattern(random, pad);
  return custom_pattern(kind, random, pad);
}

// How long a record gets with slots of a usual length.
std::size_t usual_bytes(std::string_view pattern) {
  const RecordTemplate record(pattern);
  SlotValues values;
  for (std::size_t slot = 0; slot < kNumSlots; ++slot) values.set(static_cast<Slot>(slot), "12345");
  values.set(Slot::kSpace, "12");
  values.set(Slot::kName, "ledger-0000123");
  values.set(Slot::kSlug, "ledger-0000123");
  values.set(Slot::kRevision, "");
  values.set(Slot::kNullable, "null");
  values.set(Slot::kTime, "2025-11-02T10:31:44.120+00:00");
  std::string out(record.max_bytes(), '\0');
  return static_cast<std::size_t>(record.render(out.data(), values) - out.data());
}

}  // namespace

std::string item_type(std::string_view kind) {
  std::string type(kind);
  if (!type.empty() && type[0] >= 'a' && type[0] <= 'z') type[0] = static_cast<char>(type[0] - 'a' + 'A');
  return type;
}

std::string record_pattern(std::string_view kind, std::size_t record_bytes, std::uint64_t variant, std::uint64_t seed) {
  const std::uint64_t contents = mix(hash(kind, seed) + variant);
  std::string plain = pattern_of(kind, contents, 0);
  const std::size_t bytes = usual_bytes(plain);
  if (bytes >= record_bytes) return plain;
  return pattern_of(kind, contents, record_bytes - bytes);
}

}  // namespace riptide::simulator
