#include "media/receiver_reports.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

using std::chrono::seconds;

Now at(Duration time) { return {MonoTime{} + time, WallTime{} + time}; }

RtcpPacket report(std::uint32_t from, std::uint32_t about, std::uint8_t fraction_lost = 0) {
  RtcpPacket packet;
  packet.ssrc = from;
  packet.reports = {{about, fraction_lost, 0, 0, 0, 0, 0}};
  return packet;
}

TEST_CASE("receivers are counted while they report, and what they lose is known", "[receiver_reports]") {
  ReceiverReports reports;
  CHECK(reports.take(report(1, 7, 64), 7, at({})));
  CHECK(reports.take(report(2, 7), 7, at(seconds(1))));
  CHECK_FALSE(reports.take(report(3, 8, 255), 7, at(seconds(1))));
  CHECK(reports.count(at(seconds(2))) == 2);
  CHECK(reports.lost_percent_most(at(seconds(2))) == 25);
  CHECK(reports.count(at(seconds(30))) == 1);
  CHECK(reports.lost_percent_most(at(seconds(30))) == 0);

  RtcpPacket bye;
  bye.ssrc = 2;
  bye.byes = {2};
  CHECK_FALSE(reports.take(bye, 7, at(seconds(3))));
  CHECK(reports.count(at(seconds(3))) == 1);
}

TEST_CASE("receivers beyond the limit are not kept, and those that are stay", "[receiver_reports]") {
  ReceiverReports reports;
  for (std::uint32_t i = 0; i < 100'000; ++i) reports.take(report(i, 7), 7, at({}));
  CHECK(reports.count(at({})) == ReceiverReports::kReceiversMax);
  CHECK(reports.take(report(0, 7, 128), 7, at(seconds(1))));
  CHECK(reports.lost_percent_most(at(seconds(1))) == 50);
}

}  // namespace
}  // namespace ott
