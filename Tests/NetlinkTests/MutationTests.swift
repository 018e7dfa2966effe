import Mutation
import Testing

@testable import Netlink

@Suite("wrong input: the kernel's answers")
struct MutationTests {
    @Test("no message traps, hangs or eats memory")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let targets = [
        Target("datagram", .bytes, 16000, seeds: Answer.all) { bytes in
            for message in try NetlinkMessage.parse(bytes, subject: "test") {
                // Each as what it says it is, or anything else.
                _ = try? message.outcome(subject: "test")
                _ = try? Link(parsing: message.payload)
                _ = try? LinkAddress(parsing: message.payload)?.network
                _ = try? LinkRoute(parsing: message.payload)
                _ = try? LinkNeighbor(parsing: message.payload, states: .max)
                _ = try? PolicyRule(parsing: message.payload)
                _ = try? IngressFilter.Summary(parsing: message.payload)
            }
        },
        Target("payload", .bytes, 16000, seeds: Answer.all.map { [UInt8]($0.dropFirst(16)) }) { bytes in
            if let route = try? LinkRoute(parsing: bytes[...]), Int(route.prefixLength) > 128 {
                throw Fault("a prefix of \(route.prefixLength) bits")
            }
            _ = try? Link(parsing: bytes[...])
            _ = try? LinkAddress(parsing: bytes[...])
            _ = try? LinkNeighbor(parsing: bytes[...], states: .max)
            _ = try? PolicyRule(parsing: bytes[...])
            _ = try? IngressFilter.Summary(parsing: bytes[...])
        },
    ]
}
