/* What MariaDB Connector/C 3.3.19 and 3.4.9 do (CONC-821): binding result buffers sets the lengths of texts to 0, also when it
   is done again for a row that was fetched. Loaded before the real library, which does the rest. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mysql.h>

my_bool mysql_stmt_bind_result(MYSQL_STMT *stmt, MYSQL_BIND *bind)
{
    my_bool (*real)(MYSQL_STMT *, MYSQL_BIND *) = dlsym(RTLD_NEXT, "mysql_stmt_bind_result");
    my_bool failed = real(stmt, bind);
    unsigned int fields = mysql_stmt_field_count(stmt);
    for (unsigned int i = 0; i < fields; i++)
        if (bind[i].length && bind[i].buffer_type >= MYSQL_TYPE_NEWDECIMAL)
            *bind[i].length = 0;
    return failed;
}
