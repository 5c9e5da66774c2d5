import HybridizeCore
import TestSupport
import Testing

@Suite("the JSON of every command")
struct JSONOutputTests {
  /// A command line and what its JSON must hold. `OUT` stands for a new path.
  struct Case: CustomTestStringConvertible, Sendable {
    let arguments: [String]
    let shape: JSONShape

    var testDescription: String { arguments.prefix(1).joined() + " " + arguments.dropFirst(2).joined(separator: " ") }
  }

  static let tensor = JSONShape.object([
    "name": .string, "dtype": .string, "shape": .list(.integer), "bytes": .integer,
  ])

  static let inspection = JSONShape.object([
    "schema": .schema("hybridize.inspect/1"), "format": .string, "files": .list(.string), "parameters": .integer,
    "bytes": .integer, "tensors": .list(tensor), "warnings": .emptyList, "unread": .emptyList, "renamed": .emptyList,
    "zeros": .emptyList, "layers": .list(.object(["index": .integer, "mixer": .string])),
    "architecture": .object(["name": .string, "kept": .list(.integer), "head_dimension": .integer]),
    "memory": .object([
      "cache_bytes_per_token": .integer, "bounded_cache_bytes": .integer, "state_bytes": .integer,
      "weight_bytes": .integer,
      "contexts": .list(.object(["tokens": .integer, "cache_and_state_bytes": .integer, "total_bytes": .integer])),
    ]),
  ])

  static func conversion(written: JSONShape) -> JSONShape {
    .object([
      "schema": .schema("hybridize.convert/1"), "dry_run": .bool, "kept": .list(.integer),
      "plan": .list(.object(["layer": .integer, "action": .string, "mixer": .string])),
      "converted": .list(.integer), "seconds": .number, "peak_bytes": .integer, "written": written,
      "warnings": .emptyList, "renamed": .emptyList, "zeros": .emptyList, "adapter": .null,
    ])
  }

  static let writtenFiles = JSONShape.list(.object(["file": .string, "bytes": .integer]))

  /// - Parameter number: the shape of what is compared on text, `null` without one.
  static func verification(_ number: JSONShape) -> JSONShape {
    .object([
      "schema": .schema("hybridize.verify/1"), "passed": .bool, "failures": .emptyList, "tensors_equal": .integer,
      "tensors_changed": .integer, "tensors_added": .integer, "tensors_removed": .integer, "identical": .bool,
      "tensors": .list(.object(["name": .string, "status": .string])), "prefill_decode_max_abs": .number,
      "kept_layers": .list(.object(["index": .integer, "equal": .bool])), "kl": number, "top1": number, "ppl": number,
      "ppl_source": number, "max_logit_difference": number,
    ])
  }

  static func benchmark(speedup: JSONShape) -> JSONShape {
    .object([
      "schema": .schema("hybridize.bench/1"), "speedup": speedup,
      "limits": .object(["memory_bandwidth": .number, "matrix_product_flops": .number]),
      "results": .list(
        .object([
          "model": .string, "test": .string, "n_prompt": .integer, "n_gen": .integer, "n_depth": .integer,
          "n_seq": .integer,
          "n_threads": .integer, "avg_ts": .number, "stddev_ts": .number, "samples_ts": .list(.number),
          "cache_bytes": .integer, "model_filename": .string, "model_type": .string, "cpu_info": .string,
          "build_commit": .string, "avg_ns": .integer, "stddev_ns": .integer, "samples_ns": .list(.integer),
          "model_size": .integer, "model_n_params": .integer, "test_time": .string,
          "median_ts": .number, "mad_ts": .number, "limit_ts": .number, "percent_of_limit": .number,
          "weight_bandwidth": .number, "peak_bytes": .integer,
        ])),
    ])
  }

  static let speedUps = JSONShape.list(
    .object(["model": .string, "test": .string, "factor": .number, "predicted_speedup": .number]))

  /// A decode test alone, with its profile.
  static let profiledDecode = JSONShape.object([
    "results": .list(
      .object([
        "weight_bytes": .integer, "cache_bytes_read": .number, "bytes_per_token": .number, "bandwidth_limit": .number,
        "flops_per_token": .null, "flops_limit": .null,
      ])),
    "speedup": .list(.object(["low": .number, "high": .number])),
    "profile": .list(
      .object([
        "model": .string, "test": .string, "tokens": .integer, "total_ns": .integer, "unaccounted": .number,
        "parts": .list(
          .object([
            "part": .string, "ns": .integer,
            "operations": .list(.object(["operation": .string, "calls": .integer, "ns": .integer])),
          ])),
      ])),
  ])

  static let selection = JSONShape.object([
    "schema": .schema("hybridize.select/1"), "model": .string, "student": .null, "keep": .list(.integer),
    "results": .object([
      "selections": .list(
        .object([
          "method": .string, "unit": .string, "keep": .list(.integer), "ranking": .list(.integer),
          "scores": .list(.object(["layer": .integer, "score": .number])),
          "cost": .object(["judged_tokens": .integer, "trained_tokens": .integer, "seconds": .number]),
        ])), "quality": .emptyList,
    ]),
  ])

  static func evaluation(tasks: JSONShape) -> JSONShape {
    .object([
      "schema": .schema("hybridize.eval/1"), "model": .string, "teacher": .null,
      "results": .object([
        "text": .null, "tasks": tasks,
        "recall": .list(.object(["pairs": .integer, "calls": .integer, "hits": .integer, "recall": .number])),
      ]),
    ])
  }

  /// A task whose answers the model has written too, of more than one prompt.
  static let task = JSONShape.object([
    "task": .string, "version": .integer, "sizes": .dictionary(.number), "examples": .integer, "prompts": .integer,
    "answers": .integer, "hits": .integer, "accuracy": .number, "accuracy_stderr": .number, "nll": .number,
    "greedy": .object(["hits": .integer, "accuracy": .number, "accuracy_stderr": .number]),
  ])

  static let cases = [
    Case(arguments: ["inspect", Fixtures.hybrid], shape: inspection),
    Case(
      arguments: ["inspect", Fixtures.path("safetensors/reference.safetensors")],
      shape: .object([
        "schema": .schema("hybridize.inspect/1"), "format": .string, "parameters": .integer, "architecture": .null,
        "layers": .emptyList,
      ])),
    Case(
      arguments: ["inspect", Fixtures.path("safetensors/reference.safetensors"), "--stats", "--hash", "--check"],
      shape: .object([
        "check": .object(["passed": .bool, "failures": .emptyList]),
        "tensors": .list(.object(["sha256": .string])),
      ])),
    Case(
      arguments: ["metadata", Fixtures.path("safetensors/reference.safetensors")],
      shape: .object(["schema": .schema("hybridize.metadata/1"), "way": .string, "metadata": .object([:])])),
    Case(
      arguments: ["diff", Fixtures.model, Fixtures.hybrid],
      shape: .object([
        "schema": .schema("hybridize.diff/1"), "equal": .integer,
        "added": .list(.object(["name": .string, "dtype": .string, "shape": .list(.integer)])),
        "removed": .list(.object(["name": .string, "dtype": .string, "shape": .list(.integer)])),
        "changed": .list(
          .object([
            "name": .string, "dtype": .string, "new_dtype": .string, "shape": .list(.integer),
            "new_shape": .list(.integer), "max_abs": .number, "mean_abs": .number, "differing": .integer,
          ])),
      ])),
    Case(
      arguments: ["convert", Fixtures.model, "OUT", "--keep", "0,6"], shape: conversion(written: writtenFiles)),
    Case(
      arguments: ["convert", Fixtures.model, "OUT", "--keep", "0,6", "--dry-run"],
      shape: conversion(written: .emptyList)),
    Case(
      arguments: [
        "select", Fixtures.model, "--keep", "2", "--method", "gr-s1,uniform", "--text", Fixtures.text, "--sequences",
        "2",
        "--length", "32",
      ], shape: selection),
    Case(arguments: ["verify", Fixtures.model, Fixtures.hybrid], shape: verification(.null)),
    Case(
      arguments: [
        "verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--documents", "2", "--length", "32",
      ], shape: verification(.number)),
    Case(
      arguments: ["bench", Fixtures.model, "--prompt", "8", "--generate", "0", "--repetitions", "2"],
      shape: benchmark(speedup: .emptyList)),
    Case(
      arguments: [
        "bench", Fixtures.model, Fixtures.hybrid, "--prompt", "8", "--generate", "2", "--depth", "0,4",
        "--repetitions", "1",
      ], shape: benchmark(speedup: speedUps)),
    Case(
      arguments: [
        "bench", Fixtures.model, Fixtures.hybrid, "--prompt", "0", "--generate", "2", "--repetitions", "3", "--profile",
      ], shape: profiledDecode),
    Case(
      arguments: ["eval", Fixtures.model, "--recall", "3", "--prompts", "1"], shape: evaluation(tasks: .emptyList)),
    Case(
      arguments: [
        "eval", Fixtures.model, "--recall", "3", "--tasks", "recall,copy", "--size", "copy.words=3", "--prompts", "2",
        "--greedy",
      ], shape: evaluation(tasks: .list(task))),
    Case(
      arguments: ["generate", Fixtures.model, "--prompt", "One day", "--tokens", "4"],
      shape: .object([
        "schema": .schema("hybridize.generate/1"), "text": .string, "tokens": .list(.integer), "stop": .string,
      ])),
    Case(
      arguments: ["tokenize", Fixtures.model, "--prompt", "One day"],
      shape: .object(["schema": .schema("hybridize.tokenize/1"), "ids": .list(.integer)])),
    Case(
      arguments: ["logits", Fixtures.model, "--ids", "1,2,3", "--out", "OUT"],
      shape: .object(["schema": .schema("hybridize.logits/1"), "shape": .list(.integer), "file": .string])),
  ]

  @Test("has the promised keys with the promised types, alone on standard output", arguments: cases)
  func keys(_ command: Case) async throws {
    let scratch = TemporaryDirectory()
    let arguments = command.arguments.map { $0 == "OUT" ? scratch.path("out") : $0 }
    let outcome = try await Program().run(arguments + ["--json", "--quiet"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(command.shape.mismatches(.object(try outcome.json())) == [])
    #expect(outcome.error == "", "--quiet leaves nothing on standard error")
  }

  @Test("progress goes to standard error, unless it is not wanted")
  func progress() async throws {
    let scratch = TemporaryDirectory()
    let convert = ["convert", Fixtures.model, scratch.path("loud"), "--keep", "0", "--json"]
    let loud = try await Program().run(convert)
    #expect(loud.error.contains("write  "))
    #expect(!loud.text.contains("write  "))
    _ = try loud.json()
  }

  @Test("JSON of another shape is told from the promised one")
  func shapesCanFail() throws {
    let value = try JSONCursor.parse(Array(#"{"a": 1.5, "b": [], "c": "x", "schema": "other/1"}"#.utf8))
    let shape = JSONShape.object([
      "a": .integer, "b": .list(.string), "c": .number, "d": .null, "schema": .schema("this/1"),
    ])
    #expect(shape.mismatches(value).count == 5)
    #expect(JSONShape.object(["a": .number, "b": .emptyList, "c": .string]).mismatches(value) == [])
  }
}
