/// The Ethernet addresses made from a guest's own: a function, so that every verb finds the same without a record.
///
/// All are unicast and locally administered (IEEE 802, the second lowest bit of the first byte), and all three differ.
public enum DerivedMAC {
    /// The bridge's.
    public static func bridge(for guest: MACAddress) -> MACAddress { derived(guest, 0x08) }

    /// What the container's interface gets in exchange for its own.
    public static func port(for guest: MACAddress) -> MACAddress { derived(guest, 0x04) }

    /// What the VM's network devices call themselves: each a MAC of its own, by which the guest finds it, and the guest's
    /// own wherever that is its alone. Interfaces of ipvlan on one parent share a MAC, and Firecracker takes none twice.
    public static func devices(of nics: [NIC]) -> [MACAddress] {
        var taken = Set(nics.map(\.guestMAC))
        var used: Set<MACAddress> = []
        return nics.map { nic in
            var mac = nic.guestMAC
            if !used.insert(mac).inserted {
                while taken.contains(mac) { mac = mac.next }
                taken.insert(mac)
            }
            return mac
        }
    }

    private static func derived(_ guest: MACAddress, _ bit: UInt8) -> MACAddress {
        var bytes = guest.bytes
        // The changed bit lies outside the two that are set and cleared, so that it alone keeps the three apart.
        bytes[0] = (bytes[0] ^ bit) & ~0x01 | 0x02
        return MACAddress(bytes: bytes) ?? guest
    }
}

extension MACAddress {
    /// Locally administered, and another than this one; the last three bytes count.
    fileprivate var next: MACAddress {
        var bytes = bytes
        bytes[0] |= 0x02
        for index in [5, 4, 3] {
            bytes[index] &+= 1
            if bytes[index] != 0 { break }
        }
        return MACAddress(bytes: bytes) ?? self
    }
}
