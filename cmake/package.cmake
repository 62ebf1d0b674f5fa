# The Debian package: cpack --config build/release/CPackConfig.cmake
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "file-sharing server on one SQLite database")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Drop a file on a web page, or send it with curl, and get a link that anyone
can download from. All state, the contents of files too, is in one database;
memory stays flat whatever the size of the files.")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "the PicoShare in C authors <picoshare@localhost>")
set(CPACK_DEBIAN_PACKAGE_SECTION web)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Loaded by the commands that talk to a server (docs/decisions/0012-libcurl-when-needed.md).
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libcurl4)
foreach(script postinst prerm postrm)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/../deploy/debian/${script})
endforeach()
include(CPack)
