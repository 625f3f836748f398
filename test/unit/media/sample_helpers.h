// Frames out of packets, and samples out of frames, for tests of depacketizers and packetizers.
#pragma once

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "media/fmtp.h"
#include "media/media_sample.h"
#include "ott/rtp.h"

namespace ott::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes hex(std::string_view digits) { return from_hex(digits).value(); }

inline Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

/// The packets as a viewer hands them on.
inline Frame frame_of(const PacketList& packets, bool sync_point = true) {
  Frame frame;
  frame.sync_point = sync_point;
  frame.bytes = packets.bytes;
  frame.packet_ends = packets.ends;
  return frame;
}

/// A packet of such a payload.
inline void add_packet(PacketList& packets, const Bytes& payload, std::uint16_t sequence,
                       std::uint32_t timestamp, bool marker = false, std::uint8_t payload_type = 96) {
  Bytes packet(kRtpFixedHeaderBytes);
  write_rtp_header({.marker = marker,
                    .payload_type = payload_type,
                    .sequence = sequence,
                    .timestamp = timestamp,
                    .ssrc = 7,
                    .extension = std::nullopt},
                   packet);
  packets.bytes.insert(packets.bytes.end(), packet.begin(), packet.end());
  packets.bytes.insert(packets.bytes.end(), payload.begin(), payload.end());
  packets.ends.push_back(static_cast<std::uint32_t>(packets.bytes.size()));
}

/// Packets with these payloads, as one frame.
inline Frame frame_of_payloads(const std::vector<Bytes>& payloads, std::uint32_t timestamp = 1000,
                               bool sync_point = true) {
  PacketList packets;
  std::uint16_t sequence = 1;
  for (const Bytes& payload : payloads) {
    add_packet(packets, payload, sequence, timestamp, &payload == &payloads.back());
    ++sequence;
  }
  return frame_of(packets, sync_point);
}

inline Bytes bytes_of(const MediaSample& sample) { return {sample.bytes.begin(), sample.bytes.end()}; }

/// What takes nothing but a whole frame: its one sample.
inline Bytes only_sample(MediaDepacketizer& depacketizer, const Frame& frame) {
  const auto samples = depacketizer.take(frame);
  if (!samples) FAIL(samples.error().message);
  REQUIRE(samples->size() == 1);
  return bytes_of(samples->front());
}

/// Cuts a sample and takes it again.
inline Bytes cut_and_taken(MediaPacketizer& packetizer, MediaDepacketizer& depacketizer, const Bytes& sample,
                           std::uint32_t media_time, std::size_t packet_bytes_max = 1'400) {
  PacketList packets;
  const auto cut = packetizer.cut({sample, media_time, true}, packets);
  if (!cut) FAIL(cut.error().message);
  REQUIRE_FALSE(packets.ends.empty());
  const Frame frame = frame_of(packets);
  for (std::size_t i = 0; i < packets.ends.size(); ++i) REQUIRE(frame.packet(i).size() <= packet_bytes_max);
  const auto samples = depacketizer.take(frame);
  if (!samples) FAIL(samples.error().message);
  REQUIRE(samples->size() == 1);
  CHECK(samples->front().media_time == media_time);
  return bytes_of(samples->front());
}

}  // namespace ott::test
