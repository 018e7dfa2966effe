import Linux
import Netlink
import Plan

/// The container's interface as it is while no bridge has it: what an undo puts back.
struct PortState {
    var mac: [UInt8]
    var isUp: Bool
    /// The bridge that it is a port of.
    var master: Link?
    var addresses: [LinkAddress]
    /// Permanent ones, as swarm's overlay networks have; a change of the MAC empties the kernel's table.
    var neighbors: [LinkNeighbor]
    /// nil: as it was before `IPv6Setting.turnOff`.
    var ipv6: IPv6Setting?

    /// As the port is now, without what the kernel makes by itself.
    init(of port: Link, _ netlink: NetlinkSocket) throws {
        mac = port.address
        isUp = port.isUp
        master = try port.master.flatMap { try netlink.link(at: $0) }
        addresses = try netlink.addresses(of: port)
        neighbors = try netlink.neighbors().filter { $0.link == port.index }
        ipv6 = try IPv6Setting(of: port.name)
    }

    /// As the engine had made it, after the plan.
    init(_ wanted: BridgedNIC, port: Link) {
        let nic = wanted.nic
        mac = nic.guestMAC.bytes
        isUp = true
        master = nil
        addresses = nic.linkAddresses(on: port)
        neighbors = (nic.neighbors ?? []).map {
            LinkNeighbor(link: port.index, address: $0.ip.bytes, mac: $0.mac.bytes)
        }
        ipv6 = nil
    }

    /// Runs every step but the routes, which are `PortRoutes`; what already is as wanted is fine.
    func restore(on port: Link, _ netlink: NetlinkSocket, _ errors: inout ErrorCollector) {
        if port.master != master?.index { errors.run { try netlink.perform(.setMaster(port, master)) } }
        errors.run { try netlink.changeMAC(of: port, to: mac) }
        errors.run { try ipv6.map { try $0.write(to: port.name) } ?? IPv6Setting.turnBackOn(port.name) }
        errors.run { try netlink.perform(isUp ? .setUp(port) : .setDown(port)) }
        for address in addresses { errors.run { try netlink.perform(.ensureAddress(address, on: port)) } }
        for neighbor in neighbors {
            errors.run { try netlink.perform(.ensureNeighbor(neighbor.address, mac: neighbor.mac, on: port)) }
        }
    }

    /// Takes every address, route and permanent neighbour from the port.
    static func clear(_ port: Link, _ netlink: NetlinkSocket) throws {
        // ip address flush dev PORT; ip route flush dev PORT; ip neighbour flush nud permanent dev PORT
        for neighbor in try netlink.neighbors() where neighbor.link == port.index {
            try netlink.perform(.deleteNeighbor(neighbor.address, on: port))
        }
        for address in try netlink.addresses(of: port) { try netlink.perform(.deleteAddress(address, on: port)) }
        try IPv6Setting.turnOff(port.name)
        for route in try netlink.routes() where route.link == port.index { try netlink.perform(.deleteRoute(route)) }
    }
}

extension NetlinkSocket {
    /// Live where the driver allows it; else the link is down afterwards.
    func changeMAC(of link: Link, to mac: [UInt8]) throws {
        if link.address == mac { return }
        do {
            try perform(.setMAC(link, mac))
        } catch let error as SystemError where error.errno == .busy {
            try perform(.setDown(link))
            try perform(.setMAC(link, mac))
        }
    }
}

extension NIC {
    func linkAddresses(on link: Link) -> [LinkAddress] {
        addresses.map { prefix in
            var address = prefix.linkAddress(on: link)
            if hasNoPrefixRoute(prefix) { address.flags |= LinkAddress.noPrefixRoute }
            return address
        }
    }
}

extension IPPrefix {
    func linkAddress(on link: Link) -> LinkAddress {
        // IPv6 without duplicate address detection: for its second the address could not be used.
        LinkAddress(
            link: link.index, address: address.bytes, prefixLength: UInt8(truncatingIfNeeded: length),
            broadcast: broadcast, flags: address.isIPv6 ? LinkAddress.noDAD : 0)
    }

    /// IPv4 only; a /31 and a /32 have none (RFC 3021).
    private var broadcast: [UInt8]? {
        guard !address.isIPv6, length < 31 else { return nil }
        return address.bytes.enumerated().map { index, byte in
            byte | UInt8(truncatingIfNeeded: 0xff >> min(8, max(0, length - index * 8)))
        }
    }
}
