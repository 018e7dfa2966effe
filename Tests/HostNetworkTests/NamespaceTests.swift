import Glibc
import Linux
import Netlink
import OCI
import Testing

@testable import HostNetwork

@Suite struct NamespaceTests {
    @Test("a dead process has no namespace")
    func dead() {
        let text = "network namespace /proc/4194305/ns/net: no such process; the container has ended"
        #expect(throws: Failure(.missingInput, text)) { try NetworkNamespace(path: "/proc/4194305/ns/net") }
    }

    @Test("a file that is no namespace is bad input", arguments: ["/dev/null", "/proc/self/ns/uts"])
    func notOne(path: String) {
        let error = #expect(throws: Failure.self) { try NetworkNamespace(path: path) }
        #expect(error?.kind == .badInput)
    }

    @Test("the thread comes back, also after an error", .needsRoot)
    func comesBack() throws {
        let home = try NetworkNamespace.current().inode
        let new = try newNamespace()
        #expect(new.inode != home)
        #expect(try new.run { try NetworkNamespace.current().inode } == new.inode)
        #expect(try NetworkNamespace.current().inode == home)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try new.run { throw Stop() } }
        #expect(try NetworkNamespace.current().inode == home)
    }

    @Test("the uplink is that of the IPv4 default route with the lowest metric", .needsRoot)
    func uplink() throws {
        try inNewNamespace {
            #expect(try Uplink.read() == nil)
            let netlink = try NetlinkSocket()
            for (name, octet, metric) in [("a0", UInt8(1), UInt32(200)), ("b0", 2, 100)] {
                try netlink.perform(.createVeth(name, mtu: 1400 + Int(octet), peer: "peer-\(name)"))
                let link = try #require(try netlink.link(named: name))
                try netlink.perform(.setUp(link))
                let address = LinkAddress(link: link.index, address: [10, octet, 0, 2], prefixLength: 24)
                try netlink.perform(.createAddress(address, on: link))
                try netlink.perform(
                    .createRoute(
                        LinkRoute(isIPv6: false, gateway: [10, octet, 0, 1], link: link.index, metric: metric)))
            }
            #expect(try Uplink.read() == Uplink(dev: "b0", mtu: 1402))
        }
    }
}
