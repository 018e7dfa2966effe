/// Whether a link speaks IPv6: net.ipv6.conf.LINK of the calling thread's namespace
/// (Documentation/networking/ip-sysctl.rst).
struct IPv6Setting: Equatable {
    /// disable_ipv6: "1" takes every address and route away and keeps the link silent.
    var disabled: String
    /// addr_gen_mode: "0" makes fe80::/64 from the MAC, "1" makes none. nil before Linux 4.11.
    var mode: String?

    private static let on = "0"
    private static let off = "1"
    private static let none = "1"

    /// nil where the kernel has no IPv6, or the link is gone.
    init?(of link: String) throws {
        guard let disabled = try Self.read(link, "disable_ipv6") else { return nil }
        self.disabled = disabled
        mode = try Self.read(link, "addr_gen_mode")
    }

    func write(to link: String) throws {
        if let now = try IPv6Setting(of: link) { try write(to: link, over: now) }
    }

    private func write(to link: String, over now: IPv6Setting) throws {
        if let mode, mode != now.mode { try Self.write(mode, link, "addr_gen_mode") }
        if disabled != now.disabled { try Self.write(disabled, link, "disable_ipv6") }
    }

    /// Silences the link. Its addr_gen_mode then says that it was us: `turnBackOn` knows no other record.
    static func turnOff(_ link: String) throws {
        // sysctl -w net.ipv6.conf.LINK.addr_gen_mode=1 net.ipv6.conf.LINK.disable_ipv6=1
        guard let now = try IPv6Setting(of: link), now.disabled != off else { return }
        var setting = now
        if setting.mode != nil { setting.mode = none }
        setting.disabled = off
        try setting.write(to: link, over: now)
    }

    /// Undoes `turnOff`, also where that got only half way. A link on which IPv6 had been off before stays as it is.
    static func turnBackOn(_ link: String) throws {
        // sysctl -w net.ipv6.conf.LINK.addr_gen_mode=0 net.ipv6.conf.LINK.disable_ipv6=0
        guard let now = try IPv6Setting(of: link), now.mode == none else { return }
        var setting = now
        setting.mode = try read("default", "addr_gen_mode")
        setting.disabled = on
        try setting.write(to: link, over: now)
    }

    private static func path(_ link: String, _ key: String) -> String { "/proc/sys/net/ipv6/conf/\(link)/\(key)" }

    private static func read(_ link: String, _ key: String) throws -> String? {
        try Sysctl.read(path(link, key)).map { String($0.prefix { $0 != "\n" }) }
    }

    private static func write(_ value: String, _ link: String, _ key: String) throws {
        try Sysctl.write(value, to: path(link, key))
    }
}
