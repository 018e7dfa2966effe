/// The locally administered Ethernet addresses (IEEE 802, bit 1 of the first byte) that stand in for a container's own.
public enum DerivedMAC {
    /// The bridge's, by which the guest knows the alias.
    public static func bridge(for guest: MACAddress) -> MACAddress { changed(guest, flipping: 0x08) }

    /// The container interface's, in exchange for the one that the guest takes.
    public static func port(for guest: MACAddress) -> MACAddress { changed(guest, flipping: 0x04) }

    private static func changed(_ guest: MACAddress, flipping bit: UInt8) -> MACAddress {
        var bytes = guest.bytes
        bytes[0] = (bytes[0] ^ bit | 0x02) & 0xfe
        return MACAddress(bytes: bytes) ?? guest
    }
}
