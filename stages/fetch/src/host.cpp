#include "host.hpp"

#include <utility>

namespace riptide::stages {

void Host::put(std::unique_ptr<Transfer> transfer, Place place) {
  Lane& lane = lanes[transfer->lane];
  ++waiting;
  switch (place) {
    case Place::kFront:
      return lane.first.push_front(std::move(transfer));
    case Place::kFirst:
      return lane.first.push_back(std::move(transfer));
    case Place::kQueue:
      return lane.queue.push_back(std::move(transfer));
  }
}

std::unique_ptr<Transfer> Host::take_from(std::size_t lane) {
  --waiting;
  last_lane = lane;
  return lanes[lane].take_next();
}

std::unique_ptr<Transfer> Host::take_any() {
  std::size_t lane = 0;
  while (lanes[lane].idle()) ++lane;
  return take_from(lane);
}

}  // namespace riptide::stages
