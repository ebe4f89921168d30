#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::bench {

/// Entities as the default Octopus mapping makes them of releases: about 600 bytes each, in batches of 1,000, in the
/// order of their identifiers or in a random one. Another `edition` has another value in each.
inline std::vector<stages::Batch> made_up_releases(std::size_t count, bool shuffled, int edition = 0) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (shuffled) {
    std::mt19937 random(1);
    std::shuffle(order.begin(), order.end(), random);
  }
  std::vector<stages::Batch> batches;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 1000 == 0) batches.emplace_back();
    stages::Batch& batch = batches.back();
    const std::string number = std::to_string(order[i]);
    stages::Entity entity;
    entity.begin = batch.bytes.size();
    std::string json = "{";
    const auto part = [&json](const char* key, const std::string& raw, pipeline::Part& where) {
      json.append(json.size() > 1 ? ",\"" : "\"").append(key).append("\":");
      where = {static_cast<std::uint32_t>(json.size()), static_cast<std::uint32_t>(raw.size())};
      json += raw;
    };
    part("identifier", "\"Releases-" + number + "\"", entity.identifier);
    part("blueprint", "\"octopusRelease\"", entity.blueprint);
    part("title", "\"Projects-301(2.14." + number + ")\"", entity.title);
    part("properties",
         "{\"version\":\"2.14." + number +
             "\",\"assembledDate\":\"2025-11-02T09:00:12.003+00:00\",\"channelId\":\"Channels-" +
             std::to_string(edition) + "\",\"releaseNotes\":\"" + std::string(300, 'x') +
             "\",\"url\":\"https://octopus.test/app#/Spaces-2/releases/Releases-" + number + "\"}",
         entity.properties);
    part("relations", R"({"project":"Projects-301"})", entity.relations);
    json += '}';
    entity.length = static_cast<std::uint32_t>(json.size());
    entity.scope = static_cast<std::uint32_t>(i / 5000);
    entity.identity = pipeline::identity_digest("octopusRelease", "Releases-" + number);
    batch.bytes += json;
    batch.entities.push_back(entity);
  }
  return batches;
}

inline std::size_t bytes_of(const std::vector<stages::Batch>& batches) {
  return std::accumulate(batches.begin(), batches.end(), std::size_t{0},
                         [](std::size_t sum, const stages::Batch& batch) { return sum + batch.bytes.size(); });
}

/// A file in the temporary directory, for this process.
inline std::string scratch_file(const std::string& name) {
  const auto directory = std::filesystem::temp_directory_path() / "riptide-bench";
  std::filesystem::create_directories(directory);
  return (directory / name).string();
}

}  // namespace riptide::bench
