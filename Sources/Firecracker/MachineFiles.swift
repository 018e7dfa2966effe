import Glibc
import Linux
import Plan

/// What fc-config makes: files that boot a VM, and the document with its key `machine`.
public struct MachineFiles {
    /// A text of mode 0600.
    public struct File {
        public let path: String
        public let text: [UInt8]
        /// Who may read it; nil: the file is written in place, since a jail has it bound by its inode.
        public let owner: UInt32?

        func write() throws {
            try Journal.current?.recordFile(path)
            guard let owner else { return try Files.overwrite(path, with: text) }
            try Files.replace(path, with: text)
            try checked("chown", on: path) { Int(chown(path, owner, owner)) }
        }
    }

    /// For sockets and the console's log. Made if it is not there, mode 0700, with the folders above it.
    public let directory: String
    public let files: [File]
    public let state: VMState

    /// Undoes itself where it fails: what was there before is there again.
    public func write() throws {
        try Journal.run { journal in
            for folder in [Files.parent(of: directory), directory].compactMap(\.self) {
                try journal.ensureDirectory(folder, mode: 0o700)
            }
            for file in files { try file.write() }
        }
    }
}
