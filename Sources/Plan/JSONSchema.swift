/// The documents as JSON Schema (draft 2020-12), for editors and for CI: text, in an order for people.
///
/// As strict as the verbs that read them. Keys that no verb knows are kept on the pipe, so they are allowed everywhere;
/// an absent key is omitted, never null.
public enum JSONSchema {
    /// What is known of a container's network, as `net-plan --facts` reads it.
    public static let facts = document("facts", of: "facts of a container's network", factsBody, factsTypes)
    /// The document on the pipe, after any verb.
    public static let vmState = document("vmstate", of: "document on the pipe", vmStateBody, vmStateTypes)

    private static func document(_ name: String, of title: String, _ body: String, _ types: String) -> String {
        """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "$id": "urn:runcvm:\(name):\(VMState.version)",
          "title": "runcvm: \(title)",
        \(body),
          "$defs": {
        \(sharedTypes),
        \(types)
          }
        }

        """
    }

    /// The text forms of RFC 791 and of RFC 5952, as `IPAddress` takes them.
    private static let sharedTypes = """
            "containerID": {
              "type": "string",
              "pattern": "^[0-9A-Za-z_+.-]{1,255}$",
              "not": {"enum": [".", ".."]}
            },
            "linkName": {
              "description": "1 to 15 bytes without a space, /, : or %",
              "type": "string",
              "maxLength": \(LinkName.longest),
              "pattern": "^[^\\u0000-\\u0020/:%\\u007f]+$",
              "not": {"enum": [".", ".."]}
            },
            "mtu": {"type": "integer", "minimum": 68, "maximum": 65535},
            "bytes": {"type": "integer", "minimum": 1, "maximum": 65535},
            "uint16": {"type": "integer", "minimum": 0, "maximum": 65535},
            "uint32": {"type": "integer", "minimum": 0, "maximum": 4294967295},
            "weight": {
              "description": "the share of one of several next hops of one IPv4 route",
              "type": "integer",
              "minimum": 1,
              "maximum": 256
            },
            "mac": {"type": "string", "pattern": "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"},
            "ip": {"type": "string", "pattern": "^(\(ipv4)|\(ipv6))$"},
            "prefix": {
              "description": "an address with the length of its network's prefix, like 172.17.0.2/16",
              "type": "string",
              "pattern": "^(\(ipv4)/(3[0-2]|[12]?[0-9])|(\(ipv6))/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$"
            },
            "hostPort": {
              "description": "a port of the host that leads to the VM",
              "type": "object",
              "required": ["host", "guest", "protocol"],
              "properties": {
                "host": {"$ref": "#/$defs/uint16"},
                "guest": {"$ref": "#/$defs/uint16"},
                "protocol": {"enum": ["tcp", "udp"]}
              }
            }
        """

    private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    private static let ipv4 = "\(octet)([.]\(octet)){3}"
    private static let group = "[0-9A-Fa-f]{1,4}"

    /// RFC 3986, IPv6address: eight groups, of which `::` stands for one or more, and IPv4 may be the last two.
    private static var ipv6: String {
        let tail = "(\(group):\(group)|\(ipv4))"
        let whole = "(\(group):){6}\(tail)"
        let short = (0...5).map { before in
            "(\(upTo(before)))?::" + (before == 5 ? "" : "(\(group):){\(5 - before)}") + (before < 6 ? tail : "")
        }
        return ([whole] + short + ["(\(upTo(6)))?::\(group)", "(\(upTo(7)))?::"]).joined(separator: "|")
    }

    /// At most that many groups, before a `::`.
    private static func upTo(_ count: Int) -> String {
        count == 0 ? "" : "(\(group):){0,\(count - 1)}\(group)"
    }
}
