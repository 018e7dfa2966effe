import Linux
import OCI
import Plan

/// guest.json on its raw drive.
enum GuestDrive {
    static let device = "/dev/vdb"

    static func read() throws -> GuestDocument {
        try GuestDevices.wait(for: device, remedy: "guest.json's drive is not attached")
        return try parse(try Files.read(device, limit: JSONValue.largestDocument + 512))
    }

    /// Reads the drive's contents: the document, padded with spaces, line feeds or zeros to whole sectors.
    static func parse(_ contents: [UInt8]) throws -> GuestDocument {
        let padding: Set<UInt8> = [0x00, 0x09, 0x0a, 0x0d, 0x20]
        guard let last = contents.lastIndex(where: { !padding.contains($0) }) else {
            throw Failure.badInput("guest.json", "\(device) is empty")
        }
        let document: GuestDocument = try JSONValue(parsing: [UInt8](contents[...last]), subject: "guest.json")
            .decoded(at: "guest.json")
        guard document.version == 1 else {
            throw Failure.badInput("guest.json.version", "\(document.version) is not 1")
        }
        return document
    }
}
