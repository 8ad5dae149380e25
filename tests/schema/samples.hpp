// Every request and response, filled: each field differs from its default, so that one that is not carried shows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schema/messages.hpp"

namespace dohle::testing {

inline std::vector<request> sample_requests(const bytes& batch) {
  return {
      hello_request{"a client", 1, 3, {"groups", "idempotence"}},
      metadata_request{{"clicks", "orders"}, true},
      create_topic_request{"clicks", 6, 3, {{"retention.ms", "1000", true}, {"cleanup.policy", "delete"}}, true},
      describe_topic_request{"clicks"},
      alter_topic_request{"clicks", {{"retention.ms", "5"}}, {"segment.bytes", "cleanup.policy"}, 12},
      delete_topic_request{"clicks"},
      init_producer_request{},
      init_producer_request{"payments", milliseconds{7'000}, producer_id{4'711}, 5},
      produce_request{"clicks", partition_index{3}, ack_level::leader, batch, false},
      produce_request{"clicks", partition_index{-1}, ack_level::none, bytes{}},
      fetch_request{"clicks", partition_index{2}, offset{1'234'567'890'123}, 7, 8, milliseconds{9}, true,
                    isolation::committed},
      list_offsets_request{"clicks", partition_index{1}, offset_query::at_time, timestamp{1'700'000'000'000},
                           isolation::committed},
      join_group_request{"readers",
                         "m-1",
                         "instance",
                         "client",
                         "10.0.0.7",
                         "connect",
                         {{"range", bytes::copy("meta")}, {"sticky", batch}},
                         milliseconds{1'000},
                         milliseconds{2'000}},
      sync_group_request{"readers", generation{4}, "m-1", "instance", {{"m-1", bytes::copy("a")}, {"m-2", bytes{}}}},
      heartbeat_request{"readers", generation{5}, "m-1", "instance"},
      leave_group_request{"readers", "m-1", "instance"},
      commit_offsets_request{
          "readers",
          generation{6},
          "m-1",
          "instance",
          {{"clicks", partition_index{1}, offset{17}, "note"}, {"orders", partition_index{2}, {}, "", epoch{3}}},
          in_transaction{producer_id{4'711}, 5, false}},
      fetch_offsets_request{"readers", {{"clicks", partition_index{1}}, {"orders", partition_index{2}}}, true},
      describe_group_request{"readers"},
      list_groups_request{},
      delete_group_request{"readers"},
      delete_records_request{"clicks", partition_index{4}, offset{1'234'567'890'123}},
      add_to_transaction_request{"payments", producer_id{4'711}, 5, {{"clicks", partition_index{1}}}, {"readers"}},
      end_transaction_request{"payments", producer_id{4'711}, 5, false, false},
      list_transactions_request{},
      list_transactions_request{"pay.*"},
      describe_transaction_request{"payments"},
      describe_producers_request{"clicks", partition_index{4}},
      epoch_end_request{"clicks", partition_index{4}, epoch{6}},
      delete_offsets_request{"readers", {{"clicks", partition_index{1}}}},
      consumer_heartbeat_request{"readers", "m-1", 0, "", "client", "10.0.0.7"},
      consumer_heartbeat_request{"readers", "m-1", -2, "instance", "client", "10.0.0.7", "rack", milliseconds{3'000},
                                 std::vector<std::string>{"clicks"}, "cl.*", "range",
                                 std::vector<topic_partition>{{"clicks", partition_index{1}}}},
      describe_consumer_group_request{"readers"},
      write_marker_request{"clicks", partition_index{4}, producer_id{4'711}, 5, true},
  };
}

inline std::vector<response> sample_group_responses(const bytes& batch) {
  return {
      join_group_response{generation{8}, "range", "m-1", "m-2", {{"m-1", "i", bytes::copy("x")}, {"m-2", "", batch}}},
      sync_group_response{batch},
      heartbeat_response{},
      leave_group_response{},
      commit_offsets_response{},
      fetch_offsets_response{{{"clicks", partition_index{1}, offset{17}, "note", epoch{3}}}},
      describe_group_response{"readers",
                              "Stable",
                              "consumer",
                              "range",
                              generation{3},
                              {{"m-1", "i", "client", "10.0.0.7", bytes::copy("meta"), bytes::copy("assignment")}},
                              "consumer"},
      list_groups_response{{{"readers", "Empty", "consumer"}, {"others", "Stable", "", "consumer"}}},
      delete_group_response{},
      write_marker_response{},
      delete_offsets_response{{{"clicks", partition_index{1}}}},
      consumer_heartbeat_response{"m-1", 7, milliseconds{3'000}, std::nullopt},
      consumer_heartbeat_response{"m-1", 7, milliseconds{3'000},
                                  std::vector<topic_partition>{{"clicks", partition_index{1}}}},
      describe_consumer_group_response{"readers",
                                       "Reconciling",
                                       7,
                                       6,
                                       "uniform",
                                       {{"m-1",
                                         "instance",
                                         "rack",
                                         "client",
                                         "10.0.0.7",
                                         6,
                                         {"clicks"},
                                         "cl.*",
                                         {{"clicks", partition_index{1}}},
                                         {{"clicks", partition_index{2}}},
                                         true}}},
  };
}

inline std::vector<response> sample_responses(const bytes& batch) {
  const partition_info info{partition_index{1}, partition_id{77}, broker_id{2}, epoch{9}, {broker_id{2}, broker_id{3}}};
  std::vector<response> all{
      error{errc::offset_out_of_range, "offset 17 is past the end 12", "start at 12"},
      hello_response{1, {"groups"}, broker_id{4}, "5f0c", "dohle 0.1.0", 17'000'000},
      metadata_response{"5f0c",
                        broker_id{1},
                        {{broker_id{1}, "127.0.0.1", 9'000}, {broker_id{2}, "", 0}},
                        {{"clicks", true, {info}}, {}}},
      topic_description{"clicks",
                        true,
                        timestamp{12},
                        {{info, offset{3}, offset{4}, 5, timestamp{6}}, {}},
                        {{"retention.ms", "1000", true}}},
      delete_topic_response{},
      init_producer_response{producer_id{4'711}, 3},
      produce_response{offset{100}, timestamp{101}, ack_level::leader, true},
      fetch_response{
          offset{200}, offset{10}, {batch, bytes::copy("tiny"), batch}, offset{150}, {{producer_id{9}, offset{11}}}},
      fetch_response{},
      list_offsets_response{offset{55}, timestamp{66}},
      list_offsets_response{std::nullopt, no_timestamp},
      delete_records_response{offset{9'876'543'210}},
      add_to_transaction_response{},
      end_transaction_response{producer_id{4'711}, 6},
      list_transactions_response{{{"payments", producer_id{4'711}, "Ongoing", timestamp{12}}}},
      describe_transaction_response{"payments",
                                    producer_id{4'711},
                                    6,
                                    "Ongoing",
                                    milliseconds{7'000},
                                    timestamp{12},
                                    {{"clicks", partition_index{1}}},
                                    {"readers"}},
      describe_producers_response{
          {{producer_id{4'711}, 6, 17, timestamp{12}, offset{3}}, {producer_id{4'712}, 1, 2, timestamp{3}, {}}}},
      epoch_end_response{epoch{6}, offset{17}},
  };
  for (auto& of_groups : sample_group_responses(batch)) all.push_back(std::move(of_groups));
  return all;
}

}  // namespace dohle::testing
