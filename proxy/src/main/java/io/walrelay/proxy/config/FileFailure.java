package io.walrelay.proxy.config;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** What an operation on a file failed with, in words: the JDK's for the commonest failures are the file's name alone. */
public final class FileFailure {

    private FileFailure() {}

    /** What {@code failure} says, with the file's name where it knows one. */
    public static String message(IOException failure) {
        return switch (failure) {
            case NoSuchFileException missing -> "could not open file \"%s\": no such file or directory".formatted(missing.getFile());
            case AccessDeniedException denied ->
                "could not use file \"%s\": permission denied to system user \"%s\"".formatted(denied.getFile(), System.getProperty("user.name"));
            case FileAlreadyExistsException there -> "could not make \"%s\": it exists already".formatted(there.getFile());
            case NotDirectoryException file -> "\"%s\" is no directory".formatted(file.getFile());
            case FileSystemException file when file.getReason() == null -> "could not use file \"%s\": %s".formatted(file.getFile(), file.getClass().getSimpleName());
            default -> failure.getMessage() == null ? failure.toString() : failure.getMessage();
        };
    }
}
