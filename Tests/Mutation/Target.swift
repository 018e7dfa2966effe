import Glibc
import OCI

/// A parser, and right inputs for it.
public struct Target: Sendable {
    public enum Kind: Sendable { case bytes, json }

    let name: String
    let kind: Kind
    let seeds: [[UInt8]]
    /// Inputs besides the right ones and the extreme ones.
    let count: Int
    let parse: @Sendable ([UInt8]) throws -> Void

    public init(
        _ name: String, _ kind: Kind, _ count: Int, seeds: [[UInt8]],
        parse: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.kind = kind
        self.seeds = seeds
        self.count = count
        self.parse = parse
    }

    public init(text name: String, _ count: Int, seeds: [String], parse: @escaping @Sendable (String) throws -> Void) {
        self.init(name, .bytes, count, seeds: seeds.map { [UInt8]($0.utf8) }) {
            try parse(String(decoding: $0, as: UTF8.self))
        }
    }
}

/// A wrong answer of a parser's to what is no right input.
public struct Fault: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Gives parsers what they do not expect, in a process of its own, which tells on stderr what went wrong with which input.
///
/// All suites together have more than 150,000 inputs, the same in every run. What is found becomes a test of its own.
public enum Mutation {
    /// Another one finds other faults: RUNCVM_TEST_SEED.
    public static let seed = getenv("RUNCVM_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_240_229
    /// In KiB; an input has at most 1 MiB, a document in memory about 50 times its text.
    private static let mostMemory = 192 << 10

    /// In the child: never throws, and ends the process itself where a parser traps, hangs or eats memory.
    public static func run(_ targets: [Target]) {
        Watch.begin()
        var count = 0
        for target in targets {
            let before = Watch.peak()
            count += run(target)
            let grown = Watch.peak() - before
            if grown > mostMemory { Watch.say("\(target.name): \(grown >> 10) MiB of memory\n") }
        }
        print("\(count) wrong inputs of seed \(seed)")
    }

    /// In the parent, with what the child wrote: tells how many inputs there were, and returns what went wrong.
    public static func faults(_ output: [UInt8], _ errors: [UInt8]) -> String {
        let told = String(decoding: output, as: UTF8.self)
        print(told, terminator: "")
        return String(decoding: errors, as: UTF8.self)
            + (told.contains("wrong inputs") ? "" : "it did not come to its end")
    }

    private static func run(_ target: Target) -> Int {
        var mutator = Mutator(dice: Dice(seed: seed))
        for (index, seed) in target.seeds.enumerated() {
            attempt(target, "right input \(index)", seed, mustParse: true)
        }
        for (index, input) in Mutator.extremes.enumerated() { attempt(target, "extreme input \(index)", input) }
        let documents =
            target.kind == .json ? target.seeds.compactMap { try? JSONValue(parsing: $0, subject: "") } : []
        for index in 0..<target.count {
            let input: [UInt8]
            // Two of three documents stay JSON, so that more than its parser is reached.
            if !documents.isEmpty, index % 3 != 0 {
                input = (try? mutator.document(mutator.dice.pick(documents)).serialized()) ?? []
            } else {
                input = mutator.bytes(mutator.dice.pick(target.seeds), others: target.seeds)
            }
            attempt(target, "input \(index)", input)
        }
        return target.seeds.count + Mutator.extremes.count + target.count
    }

    private static func attempt(_ target: Target, _ what: String, _ input: [UInt8], mustParse: Bool = false) {
        Watch.note("\(target.name), \(what) of seed \(seed)", input)
        do {
            try target.parse(input)
        } catch let fault as Fault {
            Watch.report("\(fault)")
        } catch {
            let text = "\(error)"
            if mustParse { Watch.report("refused: \(text)") }
            if text.utf8.contains(0x0a) || text.isEmpty { Watch.report("an error that is not one line: \(text)") }
            if text.utf8.count > 2000 { Watch.report("an error of \(text.utf8.count) bytes") }
        }
        Watch.end()
    }
}
