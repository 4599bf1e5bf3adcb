# cmake -DIN=page.html -DOUT=page.cc -DSYMBOL=kPage -P embed_text.cmake: a file as a char array of tarn::cli.
file(READ ${IN} body HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "char(0x\\1)," bytes "${body}")
file(WRITE ${OUT} "namespace tarn::cli {\nextern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {${bytes}0};\n}  // namespace tarn::cli\n")
