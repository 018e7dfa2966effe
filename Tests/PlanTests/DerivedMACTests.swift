import Plan
import Testing

@Suite struct DerivedMACTests {
    private func nics(_ macs: String...) throws -> [NIC] {
        try macs.enumerated().map { index, mac in
            NIC(
                name: "eth\(index)", tap: "tap-eth\(index)", guestMAC: try #require(MACAddress(mac)), mtu: 1500,
                attach: Attachment(model: .tc, port: "eth\(index)"), addresses: [], routes: [])
        }
    }

    @Test("devices have the guest's own MACs where these differ")
    func different() throws {
        let nics = try nics("02:00:00:00:00:01", "02:00:00:00:00:02")
        #expect(DerivedMAC.devices(of: nics) == nics.map(\.guestMAC))
    }

    @Test("of interfaces that share a MAC the first device has it, and the others one that nobody has")
    func shared() throws {
        let devices = DerivedMAC.devices(
            of: try nics("52:54:00:00:00:ff", "52:54:00:00:00:ff", "52:54:00:00:00:00", "52:54:00:00:00:ff"))
        #expect(
            devices.map(\.description) == [
                "52:54:00:00:00:ff", "52:54:00:00:01:00", "52:54:00:00:00:00", "52:54:00:00:01:01",
            ])
    }

    @Test("a thousand interfaces on one MAC have a thousand devices' MACs")
    func many() throws {
        let nics = try nics("52:54:00:00:00:ff")
        let devices = DerivedMAC.devices(of: (0..<1000).flatMap { _ in nics })
        #expect(Set(devices).count == 1000)
    }
}
