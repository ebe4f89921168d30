#include "outlet.hpp"

namespace riptide::stages {

std::size_t bytes_of(const ReadPage& page) noexcept { return page.page ? page.page->size() : 0; }
std::size_t bytes_of(const MappedBlock& block) noexcept { return block.entities.bytes.size(); }

std::shared_ptr<ReadPage> copy_of(const ReadPage& page, pipeline::Credit credit) {
  auto copy = std::make_shared<ReadPage>();
  copy->page = page.page;
  copy->records = page.records;
  copy->scope = page.scope;
  copy->ticket = page.ticket;
  copy->spec = page.spec;
  copy->begins = page.begins;
  copy->shared_token = page.shared_token;
  copy->source = page.source;
  copy->credit = std::move(credit);
  return copy;
}

std::shared_ptr<MappedBlock> copy_of(const MappedBlock& block, pipeline::Credit credit) {
  auto copy = std::make_shared<MappedBlock>();
  copy->entities = block.entities;
  copy->credit = std::move(credit);
  return copy;
}

// What a page was let in with is for all that comes of it.
std::size_t credit_of_copy(const ReadPage& page, std::size_t takers) noexcept { return page.credit.amount() / takers; }
std::size_t credit_of_copy(const MappedBlock& block, std::size_t) noexcept { return block.entities.bytes.size(); }

void share(ReadPage& page) {
  if (page.shared_token == nullptr) {
    page.shared_token = std::make_shared<const pipeline::Credit>(std::move(page.token));
  }
  // The copies take their parts anew.
}

}  // namespace riptide::stages
