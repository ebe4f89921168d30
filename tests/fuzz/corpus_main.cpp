// Feeds the files of the given folders to a fuzz target, for compilers without libFuzzer.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "fuzz_target.hpp"

int main(int argc, char** argv) {
  std::size_t fed = 0;
  for (int argument = 1; argument < argc; ++argument) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[argument])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      // Its own block of exactly this size, so that a sanitizer sees a read past the end.
      auto* const copy = static_cast<std::uint8_t*>(std::malloc(bytes.size() + (bytes.empty() ? 1 : 0)));
      bytes.copy(reinterpret_cast<char*>(copy), bytes.size());
      std::cerr << entry.path().filename().string() << '\n';
      LLVMFuzzerTestOneInput(copy, bytes.size());
      std::free(copy);
      ++fed;
    }
  }
  std::cout << fed << " files\n";
  return fed == 0 ? 1 : 0;  // A corpus that is not found must not pass.
}
