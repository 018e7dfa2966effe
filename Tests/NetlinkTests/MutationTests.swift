import Foundation
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

    /// Whole dumps of Linux 6.18: veth, bridge, tap, macvlan and their routes, rules, neighbours and filters.
    private static let dumps: [[UInt8]] = ["links", "addresses", "routes", "neighbors", "rules", "filters"].map {
        name in
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../Fixtures/netlink/\(name).bin")
        return (try? Data(contentsOf: file)).map { [UInt8]($0) } ?? []
    }

    @Test("every message of a kernel's whole dumps is read")
    func whole() throws {
        let messages = try Self.dumps.flatMap { try NetlinkMessage.parse($0, subject: "test") }
        let links = try messages.filter { $0.type == RTM_NEWLINK }.map { try Link(parsing: $0.payload) }
        #expect(Set(links.map(\.name)).isSuperset(of: ["lo", "v0", "v1", "br0", "tap0", "mv0"]))
        #expect(links.first { $0.name == "mv0" }?.kind == "macvlan")
        let addresses = try messages.filter { $0.type == RTM_NEWADDR }.map { try LinkAddress(parsing: $0.payload) }
        #expect(addresses.count >= 8)
        #expect(
            try messages.filter { $0.type == RTM_NEWROUTE }.compactMap { try LinkRoute(parsing: $0.payload) }.count >= 6
        )
        #expect(
            try messages.filter { $0.type == RTM_NEWRULE }.compactMap { try PolicyRule(parsing: $0.payload) }.count >= 2
        )
        let filters = messages.filter { $0.type == RTM_NEWTFILTER }
        #expect(try filters.compactMap { try IngressFilter.Summary(parsing: $0.payload) }.count == 1)
    }

    private static let targets = [
        Target("datagram", .bytes, 16000, seeds: Answer.all + dumps) { bytes in
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
